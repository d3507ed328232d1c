/* Handing packets to the proxy's sockets; only at tc ingress, for bpf_sk_assign works only there. */

BPF_TABLE_PINNED("hash", struct class_pair, u32, lg_proxy_ports, 4096,
                 PIN_DIR "/lg_proxy_ports");
BPF_TABLE_PINNED("array", u32, struct hairpin, lg_hairpin, 1, PIN_DIR "/lg_hairpin");

static __always_inline int assign(struct __sk_buff *skb, struct bpf_sock *sk) {
    int failed = bpf_sk_assign(skb, sk, 0);
    bpf_sk_release(sk);
    if (failed)
        return -1;
    skb->mark = MARK_REDIRECTED;
    return 0;
}

/* Write a tuple for a socket look-up and return its length, which tells the kernel the family. */
static __always_inline u32 tuple_of(struct bpf_sock_tuple *tuple, u8 family,
                                    const struct flow_key *flow) {
    if (family == 4) {
        tuple->ipv4.saddr = flow->source.words[3];
        tuple->ipv4.daddr = flow->destination.words[3];
        tuple->ipv4.sport = flow->source_port;
        tuple->ipv4.dport = flow->destination_port;
        return sizeof(tuple->ipv4);
    }
    __builtin_memcpy(tuple->ipv6.saddr, &flow->source, 16);
    __builtin_memcpy(tuple->ipv6.daddr, &flow->destination, 16);
    tuple->ipv6.sport = flow->source_port;
    tuple->ipv6.dport = flow->destination_port;
    return sizeof(tuple->ipv6);
}

static __always_inline struct bpf_sock *find_tcp(struct __sk_buff *skb, u8 family,
                                                 const struct flow_key *flow) {
    struct bpf_sock_tuple tuple = {};
    if (tuple_of(&tuple, family, flow) == sizeof(tuple.ipv4))
        return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

static __always_inline struct bpf_sock *find_udp(struct __sk_buff *skb, u8 family,
                                                 const struct flow_key *flow) {
    struct bpf_sock_tuple tuple = {};
    if (tuple_of(&tuple, family, flow) == sizeof(tuple.ipv4))
        return bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    return bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* The proxy's connection this packet belongs to. One that is still opening or in TIME_WAIT has no
 * mark to show, and must be assigned too: a listener given a SYN that a TIME_WAIT socket also
 * matches makes a connection that is never found again. */
static __always_inline struct bpf_sock *find_connection(struct __sk_buff *skb, struct packet *p) {
    struct bpf_sock *sk = find_tcp(skb, p->family, &p->flow);
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

static __always_inline int assign_connection(struct __sk_buff *skb, struct packet *p) {
    struct bpf_sock *sk = find_connection(skb, p);
    return sk ? assign(skb, sk) : -1;
}

/* The world's answer to the proxy, which asked in the name of the pod. */
static __always_inline int is_for_proxy(struct __sk_buff *skb, struct packet *p) {
    struct bpf_sock *sk = find_connection(skb, p);
    if (!sk)
        return 0;
    bpf_sk_release(sk);
    return 1;
}

/* Where the proxy of a pair of rule classes listens: on loopback of the packet's family. */
static __always_inline int to_listener(struct packet *p, u16 egress_class, u16 ingress_class,
                                       struct flow_key *listener) {
    struct class_pair pair = { egress_class, ingress_class };
    u32 *port = lg_proxy_ports.lookup(&pair);
    if (!port)
        return -1;
    listener->source = p->flow.source;
    listener->source_port = p->flow.source_port;
    listener->destination_port = bpf_htons(*port);
    if (p->family == 4)
        set_ipv4(&listener->destination, bpf_htonl(0x7f000001));
    else
        listener->destination.words[3] = bpf_htonl(1);
    return 0;
}

static __always_inline int assign_listener(struct __sk_buff *skb, struct packet *p,
                                           u16 egress_class, u16 ingress_class) {
    struct flow_key listener = {};
    if (to_listener(p, egress_class, ingress_class, &listener))
        return -1;
    struct bpf_sock *sk = find_tcp(skb, p->family, &listener);
    if (!sk)
        return -1;
    if (sk->state != BPF_TCP_LISTEN) {
        bpf_sk_release(sk);
        return -1;
    }
    return assign(skb, sk);
}

/* A datagram to the proxy's socket; each on its own, for there is no connection to find. */
static __always_inline int assign_datagram(struct __sk_buff *skb, struct packet *p,
                                           u16 egress_class, u16 ingress_class) {
    struct flow_key listener = {};
    if (to_listener(p, egress_class, ingress_class, &listener))
        return -1;
    struct bpf_sock *sk = find_udp(skb, p->family, &listener);
    return sk ? assign(skb, sk) : -1;
}

/* To the connection if there is one, else, for a SYN, to the listener. */
static __always_inline int to_proxy(struct __sk_buff *skb, struct packet *p, u16 egress_class,
                                    u16 ingress_class) {
    if (assign_connection(skb, p) == 0)
        return 0;
    if (!p->opens)
        return -1;
    return assign_listener(skb, p, egress_class, ingress_class);
}
