/* Handing packets to the proxy's sockets; only at tc ingress, for bpf_sk_assign works only there. */

static __always_inline int assign(struct __sk_buff *skb, struct bpf_sock *sk) {
    int failed = bpf_sk_assign(skb, sk, 0);
    bpf_sk_release(sk);
    if (failed)
        return -1;
    skb->mark = MARK_REDIRECTED;
    return 0;
}

/* The proxy's connection this packet belongs to. One that is still opening or in TIME_WAIT has no
 * mark to show, and must be assigned too: a listener given a SYN that a TIME_WAIT socket also
 * matches makes a connection that is never found again. */
static __always_inline struct bpf_sock *find_connection(struct __sk_buff *skb,
                                                        struct flow_key *flow) {
    struct bpf_sock_tuple tuple = {};
    tuple.ipv4.saddr = flow->source;
    tuple.ipv4.daddr = flow->destination;
    tuple.ipv4.sport = flow->source_port;
    tuple.ipv4.dport = flow->destination_port;
    struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    if (!sk)
        return 0;
    if (sk->state == BPF_TCP_LISTEN) {
        bpf_sk_release(sk);
        return 0;
    }
    struct bpf_sock *full = bpf_sk_fullsock(sk);
    if (full) {
        u32 mark = full->mark & MARK_MASK;
        if (mark != MARK_PROXY_REPLY && mark != MARK_PROXY_DONE) {
            bpf_sk_release(sk);
            return 0;
        }
    }
    return sk;
}

static __always_inline int assign_connection(struct __sk_buff *skb, struct flow_key *flow) {
    struct bpf_sock *sk = find_connection(skb, flow);
    return sk ? assign(skb, sk) : -1;
}

/* The world's answer to the proxy, which asked in the name of the pod. */
static __always_inline int is_for_proxy(struct __sk_buff *skb, struct flow_key *flow) {
    struct bpf_sock *sk = find_connection(skb, flow);
    if (!sk)
        return 0;
    bpf_sk_release(sk);
    return 1;
}

static __always_inline int assign_listener(struct __sk_buff *skb, struct flow_key *flow,
                                           u16 egress_class, u16 ingress_class) {
    struct class_pair pair = { egress_class, ingress_class };
    u32 *port = lg_proxy_ports.lookup(&pair);
    if (!port)
        return -1;
    struct bpf_sock_tuple tuple = {};
    tuple.ipv4.saddr = flow->source;
    tuple.ipv4.sport = flow->source_port;
    tuple.ipv4.daddr = bpf_htonl(0x7f000001);
    tuple.ipv4.dport = bpf_htons(*port);
    struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    if (!sk)
        return -1;
    if (sk->state != BPF_TCP_LISTEN) {
        bpf_sk_release(sk);
        return -1;
    }
    return assign(skb, sk);
}

/* A datagram to the proxy's socket; each on its own, for there is no connection to find. */
static __always_inline int assign_datagram(struct __sk_buff *skb, struct flow_key *flow,
                                           u16 egress_class, u16 ingress_class) {
    struct class_pair pair = { egress_class, ingress_class };
    u32 *port = lg_proxy_ports.lookup(&pair);
    if (!port)
        return -1;
    struct bpf_sock_tuple tuple = {};
    tuple.ipv4.saddr = flow->source;
    tuple.ipv4.sport = flow->source_port;
    tuple.ipv4.daddr = bpf_htonl(0x7f000001);
    tuple.ipv4.dport = bpf_htons(*port);
    struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    if (!sk)
        return -1;
    return assign(skb, sk);
}

/* To the connection if there is one, else, for a SYN, to the listener. */
static __always_inline int to_proxy(struct __sk_buff *skb, struct packet *p, u16 egress_class,
                                    u16 ingress_class) {
    if (assign_connection(skb, &p->flow) == 0)
        return 0;
    if (!p->opens)
        return -1;
    return assign_listener(skb, &p->flow, egress_class, ingress_class);
}
