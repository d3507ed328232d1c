/* Policy of the node itself: what may reach its own addresses, and where it may go. */

#define HOST_DEVICE 0 /* its key among the endpoints, which no device has */

static __always_inline struct endpoint *host_endpoint(void) {
    u32 key = HOST_DEVICE;
    return lg_endpoints.lookup(&key);
}

/* Drop what the host's policy denies; a redirect to a proxy there is none for is denied too. */
static __always_inline int judge_host(struct __sk_buff *skb, struct packet *p,
                                      struct endpoint *host, u8 direction, u32 peer) {
    struct decision d = {};
    if (!p->opens) {
        reverse(&p->back, &p->flow, direction == INGRESS ? EGRESS : INGRESS);
        struct flow_value *value = recall(skb, p, &p->back);
        if (value && value->endpoint_id == host->endpoint_id && value->verdict == ALLOW)
            return 0;
        p->key = p->flow;
        p->key.direction = direction;
        value = recall(skb, p, &p->key);
        if (value && value->endpoint_id == host->endpoint_id && value->verdict == ALLOW &&
            value->revision == config(CONFIG_REVISION))
            return 0;
    }
    if (p->is_error && is_error_of_known(p))
        return 0;
    d.peer = peer;
    judge(&p->flow, p->policy_port, host->endpoint_id, host->flags, peer, direction, &d);
    if (d.verdict == REDIRECT) {
        d.verdict = DENY;
        d.reason = REASON_NO_PROXY;
    }
    if (d.verdict == DENY) {
        drop(skb, p, direction, d.reason, peer, IDENTITY_HOST, host->endpoint_id);
        return 1;
    }
    p->key = p->flow;
    p->key.direction = direction;
    remember(skb, p, &p->key, &d, host->endpoint_id, 0);
    report(skb, p, direction, &d, IDENTITY_HOST, host->endpoint_id);
    return 0;
}

/* What comes to the host: 1 if it is to be dropped. */
static __always_inline int host_denies(struct __sk_buff *skb, struct packet *p, u32 peer,
                                       u32 destination) {
    struct endpoint *host = host_endpoint();
    if (!host || destination != IDENTITY_HOST || !(host->flags & ENFORCED_INGRESS))
        return 0;
    return judge_host(skb, p, host, INGRESS, peer);
}

/* What the host sends. */
static __always_inline int host_may_not_send(struct __sk_buff *skb, struct packet *p, u32 source,
                                             u32 destination) {
    struct endpoint *host = host_endpoint();
    if (!host || source != IDENTITY_HOST || !(host->flags & ENFORCED_EGRESS))
        return 0;
    return judge_host(skb, p, host, EGRESS, destination);
}
