/* Who may talk to whom: identities by address, rules by endpoint and identity. */

BPF_TABLE_PINNED("hash", u32, struct endpoint, lg_endpoints, 4096, PIN_DIR "/lg_endpoints");
BPF_TABLE_PINNED("hash", struct address, struct endpoint_ip, lg_endpoint_ips, 8192,
                 PIN_DIR "/lg_endpoint_ips");
BPF_TABLE_PINNED("lpm_trie", struct cidr_key, u32, lg_ipcache, 524288, PIN_DIR "/lg_ipcache");
BPF_TABLE_PINNED("lpm_trie", struct policy_key, struct policy_value, lg_policy, 524288,
                 PIN_DIR "/lg_policy");

static __always_inline u32 identity_of(const struct address *address) {
    struct cidr_key key = { .prefixlen = 128, .address = *address };
    u32 *identity = lg_ipcache.lookup(&key);
    return identity ? *identity : IDENTITY_WORLD;
}

/* One endpoint's rule for one peer: its own identity first, then any. */
static __always_inline struct policy_value *rule_for(u32 endpoint_id, u32 identity, u8 direction,
                                                     u8 protocol, u16 port) {
    struct policy_key key = {
        .prefixlen = 96, .endpoint_id = endpoint_id, .identity = identity,
        .direction = direction, .protocol = protocol, .port = port,
    };
    struct policy_value *rule = lg_policy.lookup(&key);
    if (rule)
        return rule;
    key.identity = 0;
    return lg_policy.lookup(&key);
}

static __always_inline void judge(const struct flow_key *flow, u16 port, u32 endpoint_id, u32 flags, u32 identity,
                                  u8 direction, struct decision *d) {
    u32 enforced = flags & (direction == INGRESS ? ENFORCED_INGRESS : ENFORCED_EGRESS);
    struct policy_value *rule =
        rule_for(endpoint_id, identity, direction, flow->protocol, port);
    if (!rule) {
        d->verdict = enforced && !(flags & AUDITED) ? DENY : ALLOW;
        d->reason = !enforced ? REASON_FORWARDED
                    : flags & AUDITED ? REASON_AUDITED : REASON_NO_RULE;
        return;
    }
    if (rule->verdict == DENY && flags & AUDITED) {
        d->verdict = ALLOW;
        d->reason = REASON_AUDITED;
        return;
    }
    d->verdict = rule->verdict;
    d->reason = rule->verdict == DENY ? REASON_DENIED
                : rule->verdict == REDIRECT ? REASON_REDIRECTED : REASON_FORWARDED;
    if (rule->verdict == REDIRECT && direction == EGRESS)
        d->egress_class = rule->rule_class;
    else if (rule->verdict == REDIRECT)
        d->ingress_class = rule->rule_class;
}

/* What may come in: the host may, for it probes, unless a rule denies it. */
static __always_inline void judge_ingress(const struct flow_key *flow, u16 port,
                                          u32 endpoint_id, u32 flags, u32 identity,
                                          struct decision *d) {
    d->peer = identity;
    if (identity == IDENTITY_HOST)
        flags &= ~ENFORCED_INGRESS;
    judge(flow, port, endpoint_id, flags, identity, INGRESS, d);
}

/* What may go out; towards a pod of this node, what may come in there too, for one proxy
 * enforces both. ``local`` is that pod, if it is one. */
static __always_inline void judge_egress(const struct flow_key *flow, u16 port,
                                         struct endpoint *own,
                                         struct endpoint_ip *local, struct decision *d) {
    d->peer = identity_of(&flow->destination);
    judge(flow, port, own->endpoint_id, own->flags, d->peer, EGRESS, d);
    if (!local || d->verdict == DENY)
        return;
    struct decision there = {};
    judge(flow, port, local->endpoint_id, local->flags, own->identity, INGRESS, &there);
    if (there.verdict == ALLOW) {
        if (there.reason == REASON_AUDITED)
            d->reason = REASON_AUDITED;
        return;
    }
    d->verdict = there.verdict;
    d->reason = there.reason;
    d->ingress_class = there.ingress_class;
}

static __always_inline u16 opening_port(struct flow_key *flow) {
    if (flow->protocol == IPPROTO_ICMP)
        return bpf_htons(8);
    return flow->protocol == ICMP6 ? bpf_htons(128) : flow->destination_port;
}

/* A flow that came in here: is it still allowed? Used for its packets and for their answers. */
static __always_inline void renew_ingress(struct flow_key *flow, struct flow_value *value,
                                          u32 endpoint_id, u32 flags) {
    u64 revision = config(CONFIG_REVISION);
    if (value->revision == revision)
        return;
    struct decision d = {};
    /* The ingress proxy is known by its mark, which answers do not carry. */
    u32 peer = value->peer == IDENTITY_INGRESS ? IDENTITY_INGRESS : identity_of(&flow->source);
    judge_ingress(flow, opening_port(flow), endpoint_id, flags, peer, &d);
    renew(value, &d, revision);
}

static __always_inline void renew_egress(struct flow_key *flow, struct flow_value *value,
                                         struct endpoint *own) {
    u64 revision = config(CONFIG_REVISION);
    if (value->revision == revision)
        return;
    struct decision d = {};
    judge_egress(flow, opening_port(flow), own, lg_endpoint_ips.lookup(&flow->destination), &d);
    renew(value, &d, revision);
}
