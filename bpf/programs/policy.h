/* What the pod programs share: parsing, connection tracking, verdicts, events. */

BPF_TABLE_PINNED("hash", u32, struct endpoint, lg_endpoints, 4096, PIN_DIR "/lg_endpoints");
BPF_TABLE_PINNED("hash", u32, struct endpoint_ip, lg_endpoint_ips, 4096,
                 PIN_DIR "/lg_endpoint_ips");
BPF_TABLE_PINNED("lpm_trie", struct cidr_key, u32, lg_ipcache, 524288, PIN_DIR "/lg_ipcache");
BPF_TABLE_PINNED("lpm_trie", struct policy_key, struct policy_value, lg_policy, 524288,
                 PIN_DIR "/lg_policy");
BPF_TABLE_PINNED("hash", struct class_pair, u32, lg_proxy_ports, 4096,
                 PIN_DIR "/lg_proxy_ports");
BPF_TABLE_PINNED("lru_hash", struct flow_key, struct flow_value, lg_ct, 131072,
                 PIN_DIR "/lg_ct");
BPF_TABLE_PINNED("lru_hash", struct fragment_key, struct fragment_value, lg_fragments, 4096,
                 PIN_DIR "/lg_fragments");
BPF_TABLE_PINNED("percpu_array", u32, struct counter, lg_metrics, 28, PIN_DIR "/lg_metrics");
BPF_TABLE_PINNED("percpu_array", u32, struct event_budget, lg_event_budget, 1,
                 PIN_DIR "/lg_event_budget");
BPF_TABLE_PINNED("array", u32, struct hairpin, lg_hairpin, 1, PIN_DIR "/lg_hairpin");

struct lg_events_table_t {
    int key;
    u32 leaf;
    int (*ringbuf_output)(void *, u64, u64);
    void *(*ringbuf_reserve)(u64);
    void (*ringbuf_discard)(void *, u64);
    void (*ringbuf_submit)(void *, u64);
    u64 (*ringbuf_query)(u64);
    u32 max_entries;
};
__attribute__((section("maps/ringbuf:" PIN_DIR "/lg_events")))
struct lg_events_table_t lg_events = { .max_entries = 256 };

#define EVENTS_PER_SECOND 20000
#define SECOND 1000000000ULL
#define DATAGRAM_TIMEOUT (60 * SECOND)

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet {
    struct flow_key flow;    /* as the packet goes; direction is that of the program */
    u8 opens;                /* a TCP SYN */
    u8 is_error;             /* ICMP about another packet, whose flow is in ``inner`` */
    u16 policy_port;         /* what the policy calls the port; of ICMP: its type */
    struct flow_key inner;
};

struct decision { u8 verdict; u8 reason; u16 egress_class; u16 ingress_class; u16 pad; u32 peer; };

static __always_inline u64 revision_now(void) {
    u32 slot = CONFIG_REVISION;
    u64 *revision = lg_config.lookup(&slot);
    return revision ? *revision : 0;
}

static __always_inline void count(struct __sk_buff *skb, u8 reason, u8 direction) {
    u32 slot = reason * 2 + direction;
    struct counter *counter = lg_metrics.lookup(&slot);
    if (counter) {
        counter->packets++;
        counter->bytes += skb->len;
    }
}

static __always_inline void report(struct __sk_buff *skb, struct packet *p, u8 direction,
                                   struct decision *d, u32 own, u32 endpoint_id) {
    u32 zero = 0;
    u64 now = bpf_ktime_get_ns();
    struct event_budget *budget = lg_event_budget.lookup(&zero);
    if (!budget)
        return;
    if (now - budget->window > SECOND) {
        budget->window = now;
        budget->used = 0;
    }
    if (budget->used++ >= EVENTS_PER_SECOND) {
        count(skb, REASON_EVENT_LOST, direction);
        return;
    }
    struct event e = {};
    e.time = now;
    e.source = p->flow.source;
    e.destination = p->flow.destination;
    e.source_port = p->flow.source_port;
    e.destination_port = p->flow.destination_port;
    e.source_identity = direction == EGRESS ? own : d->peer;
    e.destination_identity = direction == EGRESS ? d->peer : own;
    e.endpoint_id = endpoint_id;
    e.direction = direction;
    e.verdict = d->verdict;
    e.protocol = p->flow.protocol;
    e.reason = d->reason;
    lg_events.ringbuf_output(&e, sizeof(e), 0);
}

static __always_inline int drop(struct __sk_buff *skb, struct packet *p, u8 direction, u8 reason,
                                u32 peer, u32 own, u32 endpoint_id) {
    struct decision d = { .verdict = DENY, .reason = reason, .peer = peer };
    count(skb, reason, direction);
    report(skb, p, direction, &d, own, endpoint_id);
    return TC_ACT_SHOT;
}

static __always_inline void reverse(struct flow_key *to, struct flow_key *from, u8 direction) {
    to->source = from->destination;
    to->destination = from->source;
    to->source_port = from->destination_port;
    to->destination_port = from->source_port;
    to->protocol = from->protocol;
    to->direction = direction;
    to->pad = 0;
}

static __always_inline int parse_inner(struct __sk_buff *skb, u32 offset, struct flow_key *inner) {
    struct iphdr ip;
    u16 ports[4];
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4)
        return -1;
    if (bpf_skb_load_bytes(skb, offset + ip.ihl * 4, ports, sizeof(ports)))
        return -1;
    inner->source = ip.saddr;
    inner->destination = ip.daddr;
    inner->protocol = ip.protocol;
    inner->source_port = ip.protocol == IPPROTO_ICMP ? ports[2] : ports[0];
    inner->destination_port = ip.protocol == IPPROTO_ICMP ? ports[2] : ports[1];
    return 0;
}

static __always_inline int parse_icmp(struct __sk_buff *skb, u32 offset, struct packet *p) {
    u8 icmp[8];
    if (bpf_skb_load_bytes(skb, offset, icmp, sizeof(icmp)))
        return REASON_INVALID;
    p->policy_port = bpf_htons(icmp[0]);
    if (icmp[0] == 3 || icmp[0] == 11 || icmp[0] == 12) {
        p->is_error = parse_inner(skb, offset + 8, &p->inner) == 0;
        return 0;
    }
    /* Both directions of an echo carry the same id, so a reversed flow finds its request. */
    p->flow.source_port = p->flow.destination_port = icmp[4] | (u16)icmp[5] << 8;
    return 0;
}

static __always_inline int parse_fragment(struct packet *p, u16 id, int first) {
    struct fragment_key key = {};
    key.source = p->flow.source;
    key.destination = p->flow.destination;
    key.id = id;
    key.protocol = p->flow.protocol;
    key.direction = p->flow.direction;
    if (first) {
        struct fragment_value ports = { p->flow.source_port, p->flow.destination_port };
        lg_fragments.update(&key, &ports);
        return 0;
    }
    struct fragment_value *ports = lg_fragments.lookup(&key);
    if (!ports)
        return REASON_FRAGMENT;
    p->flow.source_port = ports->source_port;
    p->flow.destination_port = ports->destination_port;
    p->policy_port = ports->destination_port;
    return 0;
}

/* Fill ``p`` from an IPv4 packet; a reason if it cannot be judged. */
static __always_inline int parse(struct __sk_buff *skb, u8 direction, struct packet *p) {
    struct iphdr ip;
    u8 l4[14] = {};
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
        return REASON_INVALID;
    u32 offset = ETH_HLEN + ip.ihl * 4;
    u16 fragment = bpf_ntohs(ip.frag_off);
    p->flow.source = ip.saddr;
    p->flow.destination = ip.daddr;
    p->flow.protocol = ip.protocol;
    p->flow.direction = direction;
    if (fragment & 0x1fff)
        return parse_fragment(p, ip.id, 0);
    if (ip.protocol == IPPROTO_ICMP)
        return parse_icmp(skb, offset, p);
    if (ip.protocol == IPPROTO_TCP) {
        if (bpf_skb_load_bytes(skb, offset, l4, 14))
            return REASON_INVALID;
        p->opens = (l4[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    } else if (ip.protocol == IPPROTO_UDP || ip.protocol == IPPROTO_SCTP) {
        if (bpf_skb_load_bytes(skb, offset, l4, 8))
            return REASON_INVALID;
    }
    p->flow.source_port = l4[0] | (u16)l4[1] << 8;
    p->flow.destination_port = l4[2] | (u16)l4[3] << 8;
    p->policy_port = p->flow.destination_port;
    return fragment & 0x2000 ? parse_fragment(p, ip.id, 1) : 0;
}

static __always_inline u32 identity_of(u32 address) {
    struct cidr_key key = { .prefixlen = 32, .ipv4 = address };
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

static __always_inline void judge(struct packet *p, u32 endpoint_id, u32 flags, u32 identity,
                                  u8 direction, struct decision *d) {
    u32 enforced = flags & (direction == INGRESS ? ENFORCED_INGRESS : ENFORCED_EGRESS);
    struct policy_value *rule =
        rule_for(endpoint_id, identity, direction, p->flow.protocol, p->policy_port);
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
static __always_inline void judge_ingress(struct packet *p, u32 endpoint_id, u32 flags,
                                          u32 identity, struct decision *d) {
    d->peer = identity;
    if (identity == IDENTITY_HOST)
        flags &= ~ENFORCED_INGRESS;
    judge(p, endpoint_id, flags, identity, INGRESS, d);
}

/* What may go out; towards a pod of this node, what may come in there too, for one proxy
 * enforces both. */
static __always_inline void judge_egress(struct packet *p, struct endpoint *own,
                                         struct decision *d) {
    d->peer = identity_of(p->flow.destination);
    judge(p, own->endpoint_id, own->flags, d->peer, EGRESS, d);
    struct endpoint_ip *local = lg_endpoint_ips.lookup(&p->flow.destination);
    if (!local || d->verdict == DENY)
        return;
    struct decision there = {};
    judge(p, local->endpoint_id, local->flags, own->identity, INGRESS, &there);
    if (there.verdict == ALLOW) {
        if (there.reason == REASON_AUDITED)
            d->reason = REASON_AUDITED;
        return;
    }
    d->verdict = there.verdict;
    d->reason = there.reason;
    d->ingress_class = there.ingress_class;
}

static __always_inline void remember(struct flow_key *flow, struct decision *d, u32 endpoint_id) {
    struct flow_value value = {};
    value.seen = bpf_ktime_get_ns();
    value.revision = revision_now();
    value.peer = d->peer;
    value.verdict = value.granted = d->verdict;
    value.egress_class = d->egress_class;
    value.ingress_class = d->ingress_class;
    value.endpoint_id = endpoint_id;
    lg_ct.update(flow, &value);
}

static __always_inline struct flow_value *recall(struct flow_key *flow) {
    struct flow_value *value = lg_ct.lookup(flow);
    if (!value)
        return 0;
    u64 now = bpf_ktime_get_ns();
    if (flow->protocol != IPPROTO_TCP && now - value->seen > DATAGRAM_TIMEOUT)
        return 0;
    value->seen = now;
    return value;
}

/* A decision made anew counts only if it is the one the connection was opened with: a stream
 * cannot move into or out of a proxy, nor to other rules. */
static __always_inline void renew(struct flow_value *value, struct decision *d, u64 revision) {
    int same = d->verdict == value->granted && d->egress_class == value->egress_class &&
               d->ingress_class == value->ingress_class;
    value->verdict = same ? value->granted : DENY;
    value->revision = revision;
}

static __always_inline int is_error_of_known(struct packet *p) {
    struct flow_key key = p->inner;
    struct flow_key back = {};
    key.direction = EGRESS;
    if (recall(&key))
        return 1;
    key.direction = INGRESS;
    if (recall(&key))
        return 1;
    reverse(&back, &p->inner, EGRESS);
    if (recall(&back))
        return 1;
    back.direction = INGRESS;
    return recall(&back) != 0;
}
