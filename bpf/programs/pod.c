/* tc programs on the host's side of a pod's veth, and on the hairpin device. */

static __always_inline int not_ipv4(struct __sk_buff *skb, struct endpoint *own, u8 direction) {
    /* Policy is IPv4 only, so an enforced pod has no IPv6; ARP and the like pass. */
    if (skb->protocol == bpf_htons(ETH_P_IPV6) && own->flags && !(own->flags & AUDITED)) {
        count(skb, REASON_IPV6, direction);
        return TC_ACT_SHOT;
    }
    return TC_ACT_OK;
}

static __always_inline int pass(struct __sk_buff *skb, u8 direction) {
    count(skb, REASON_FORWARDED, direction);
    return TC_ACT_OK;
}

static __always_inline int redirected(struct __sk_buff *skb, u8 direction) {
    count(skb, REASON_REDIRECTED, direction);
    return TC_ACT_OK;
}

/* A flow that came in here: is it still allowed? Used for its packets and for their answers. */
static __always_inline void renew_ingress(struct packet *p, struct flow_key *flow,
                                          struct flow_value *value, struct endpoint *own) {
    u64 revision = revision_now();
    if (value->revision == revision)
        return;
    struct decision d = {};
    struct packet opening = { .flow = *flow, .policy_port = flow->destination_port };
    if (flow->protocol == IPPROTO_ICMP)
        opening.policy_port = bpf_htons(8);
    /* The ingress proxy is known by its mark, which answers do not carry. */
    u32 peer = value->peer == IDENTITY_INGRESS ? IDENTITY_INGRESS : identity_of(flow->source);
    judge_ingress(&opening, own->endpoint_id, own->flags, peer, &d);
    renew(value, &d, revision);
}

static __always_inline void renew_egress(struct flow_key *flow, struct flow_value *value,
                                         struct endpoint *own) {
    u64 revision = revision_now();
    if (value->revision == revision)
        return;
    struct decision d = {};
    struct packet opening = { .flow = *flow, .policy_port = flow->destination_port };
    if (flow->protocol == IPPROTO_ICMP)
        opening.policy_port = bpf_htons(8);
    judge_egress(&opening, own, &d);
    renew(value, &d, revision);
}

static __always_inline int open_egress(struct __sk_buff *skb, struct packet *p,
                                       struct endpoint *own) {
    struct decision d = {};
    judge_egress(p, own, &d);
    if (d.verdict == DENY)
        return drop(skb, p, EGRESS, d.reason, d.peer, own->identity, own->endpoint_id);
    if (d.verdict == REDIRECT) {
        int failed = -1;
        if (p->flow.protocol == IPPROTO_TCP)
            failed = to_proxy(skb, p, d.egress_class, d.ingress_class);
        else if (p->flow.protocol == IPPROTO_UDP)
            failed = assign_datagram(skb, &p->flow, d.egress_class, d.ingress_class);
        if (failed)
            return drop(skb, p, EGRESS, p->opens ? REASON_NO_PROXY : REASON_NO_SOCKET, d.peer,
                        own->identity, own->endpoint_id);
    }
    remember(&p->flow, &d, own->endpoint_id);
    report(skb, p, EGRESS, &d, own->identity, own->endpoint_id);
    return d.verdict == REDIRECT ? redirected(skb, EGRESS) : pass(skb, EGRESS);
}

static __always_inline int judge_from_pod(struct __sk_buff *skb, struct packet *p,
                                          struct endpoint *own) {
    struct flow_key back = {};
    struct flow_value *value;
    if (p->opens)
        return open_egress(skb, p, own);
    reverse(&back, &p->flow, INGRESS);
    value = recall(&back);
    if (value && value->granted == ALLOW) {
        renew_ingress(p, &back, value, own);
        if (value->verdict == ALLOW)
            return pass(skb, EGRESS);
        if (p->flow.protocol == IPPROTO_TCP)
            return drop(skb, p, EGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                        own->endpoint_id);
    }
    value = recall(&p->flow);
    if (value) {
        renew_egress(&p->flow, value, own);
        if (value->verdict == ALLOW)
            return pass(skb, EGRESS);
        if (value->verdict == REDIRECT && p->flow.protocol == IPPROTO_UDP &&
            assign_datagram(skb, &p->flow, value->egress_class, value->ingress_class) == 0)
            return redirected(skb, EGRESS);
        if (value->verdict == REDIRECT && p->flow.protocol == IPPROTO_TCP &&
            assign_connection(skb, &p->flow) == 0)
            return redirected(skb, EGRESS);
        if (p->flow.protocol == IPPROTO_TCP)
            return drop(skb, p, EGRESS,
                        value->verdict == DENY ? REASON_POLICY_CHANGED : REASON_NO_SOCKET,
                        value->peer, own->identity, own->endpoint_id);
    } else if (p->flow.protocol == IPPROTO_TCP && assign_connection(skb, &p->flow) == 0) {
        return redirected(skb, EGRESS);
    }
    return open_egress(skb, p, own);
}

int from_pod(struct __sk_buff *skb) {
    u32 ifindex = skb->ifindex;
    struct packet p = {};
    struct endpoint *own = lg_endpoints.lookup(&ifindex);
    if (!own) {
        count(skb, REASON_NO_ENDPOINT, EGRESS);
        return TC_ACT_SHOT;
    }
    if (skb->protocol != bpf_htons(ETH_P_IP))
        return not_ipv4(skb, own, EGRESS);
    int invalid = parse(skb, EGRESS, &p);
    if (invalid)
        return drop(skb, &p, EGRESS, invalid, 0, own->identity, own->endpoint_id);
    if (p.flow.source != own->ipv4)
        return drop(skb, &p, EGRESS, REASON_SPOOFED, 0, own->identity, own->endpoint_id);
    if (p.is_error && is_error_of_known(&p))
        return pass(skb, EGRESS);
    return judge_from_pod(skb, &p, own);
}

/* Back into the host's stack through a device where a socket can be assigned. */
static __always_inline int to_hairpin(struct __sk_buff *skb, struct packet *p,
                                      struct endpoint *own, u32 peer) {
    u32 zero = 0;
    struct hairpin *device = lg_hairpin.lookup(&zero);
    if (!device || !device->ifindex)
        return drop(skb, p, INGRESS, REASON_NO_PROXY, peer, own->identity, own->endpoint_id);
    u8 mac[6];
    __builtin_memcpy(mac, device->mac, sizeof(mac));
    u32 ifindex = device->ifindex;
    /* Without the device's own address the stack takes the packet for someone else's. */
    bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
    count(skb, REASON_REDIRECTED, INGRESS);
    return bpf_redirect(ifindex, BPF_F_INGRESS);
}

static __always_inline int open_ingress(struct __sk_buff *skb, struct packet *p,
                                        struct endpoint *own) {
    struct decision d = {};
    u32 peer = (skb->mark & MARK_MASK) == MARK_INGRESS ? IDENTITY_INGRESS
                                                       : identity_of(p->flow.source);
    judge_ingress(p, own->endpoint_id, own->flags, peer, &d);
    if (d.verdict == DENY)
        return drop(skb, p, INGRESS, d.reason, peer, own->identity, own->endpoint_id);
    if (d.verdict == REDIRECT && p->flow.protocol != IPPROTO_TCP)
        return drop(skb, p, INGRESS, REASON_NO_PROXY, peer, own->identity, own->endpoint_id);
    remember(&p->flow, &d, own->endpoint_id);
    report(skb, p, INGRESS, &d, own->identity, own->endpoint_id);
    return d.verdict == REDIRECT ? to_hairpin(skb, p, own, peer) : pass(skb, INGRESS);
}

static __always_inline int judge_to_pod(struct __sk_buff *skb, struct packet *p,
                                        struct endpoint *own) {
    struct flow_key back = {};
    struct flow_value *value;
    if (p->opens)
        return open_ingress(skb, p, own);
    reverse(&back, &p->flow, EGRESS);
    value = recall(&back);
    if (value && value->granted == ALLOW) {
        renew_egress(&back, value, own);
        if (value->verdict == ALLOW)
            return pass(skb, INGRESS);
        if (p->flow.protocol == IPPROTO_TCP)
            return drop(skb, p, INGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                        own->endpoint_id);
    }
    value = recall(&p->flow);
    if (!value && p->flow.protocol == IPPROTO_TCP && is_for_proxy(skb, &p->flow))
        return to_hairpin(skb, p, own, 0);
    if (!value)
        return open_ingress(skb, p, own);
    renew_ingress(p, &p->flow, value, own);
    if (value->verdict == ALLOW)
        return pass(skb, INGRESS);
    if (value->verdict == REDIRECT)
        return to_hairpin(skb, p, own, value->peer);
    if (p->flow.protocol == IPPROTO_TCP)
        return drop(skb, p, INGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                    own->endpoint_id);
    return open_ingress(skb, p, own);
}

int to_pod(struct __sk_buff *skb) {
    u32 ifindex = skb->ifindex;
    u32 mark = skb->mark & MARK_MASK;
    struct packet p = {};
    struct endpoint *own = lg_endpoints.lookup(&ifindex);
    if (!own) {
        count(skb, REASON_NO_ENDPOINT, INGRESS);
        return TC_ACT_SHOT;
    }
    if (skb->protocol != bpf_htons(ETH_P_IP))
        return not_ipv4(skb, own, INGRESS);
    if (mark == MARK_PROXY_REPLY || mark == MARK_PROXY_DONE)
        return pass(skb, INGRESS);
    int invalid = parse(skb, INGRESS, &p);
    if (invalid)
        return drop(skb, &p, INGRESS, invalid, 0, own->identity, own->endpoint_id);
    if (p.is_error && is_error_of_known(&p))
        return pass(skb, INGRESS);
    return judge_to_pod(skb, &p, own);
}

/* tc ingress of the hairpin device: what to_pod sent here is known to the table,
 * or to the proxy. */
int hairpin(struct __sk_buff *skb) {
    struct packet p = {};
    if (skb->protocol != bpf_htons(ETH_P_IP) || parse(skb, INGRESS, &p))
        return TC_ACT_SHOT;
    struct flow_value *value = recall(&p.flow);
    if (!value && p.flow.protocol == IPPROTO_TCP && assign_connection(skb, &p.flow) == 0)
        return TC_ACT_OK;
    if (!value || value->verdict != REDIRECT)
        return TC_ACT_SHOT;
    if (to_proxy(skb, &p, 0, value->ingress_class))
        return drop(skb, &p, INGRESS, p.opens ? REASON_NO_PROXY : REASON_NO_SOCKET, value->peer,
                    0, value->endpoint_id);
    return TC_ACT_OK;
}
