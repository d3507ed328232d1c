/* Network address translation: an entry says what a packet of a flow becomes, at one hook.
 * Each connection has two entries, for its own packets and for their answers. */

BPF_TABLE_PINNED("lru_hash", struct flow_key, struct nat_value, lg_nat, 262144, PIN_DIR "/lg_nat");

/* In the place of a flow's direction: the hook at which the entry counts. */
#define AT_POD_OUT 2
#define AT_POD_IN 3
#define AT_DEVICE_IN 4
#define AT_DEVICE_OUT 5

#define KIND_SERVICE 1
#define KIND_MASQUERADE 2

#define NAT_PORT_TRIES 16

/* Where the checksum of a protocol's header is, 0 if it has none that can be mended. */
static __always_inline u32 checksum_place(u8 protocol) {
    return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6
           : protocol == IPPROTO_ICMP || protocol == ICMP6        ? 2 : 0;
}

static __always_inline u64 checksum_flags(u8 protocol) {
    return protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

/* Replace the addresses of an IP header at ``offset``; return how its words' sum changed. */
static __always_inline s64 store_addresses(struct __sk_buff *skb, u8 family, u32 offset,
                                           const struct address *old, const struct address *new) {
    s64 sum = bpf_csum_diff((__be32 *)old, 32, (__be32 *)new, 32, 0);
    if (family == 4) {
        u32 pair[2] = { new[0].words[3], new[1].words[3] };
        bpf_l3_csum_replace(skb, offset + 10, 0, sum, 0);
        bpf_skb_store_bytes(skb, offset + 12, pair, 8, 0);
    } else {
        bpf_skb_store_bytes(skb, offset + 8, (void *)new, 32, 0);
    }
    return sum;
}

static __always_inline void store_port(struct __sk_buff *skb, struct packet *p, u32 place,
                                       u16 old, u16 new) {
    u32 sum_place = checksum_place(p->flow.protocol);
    if (old == new)
        return;
    if (sum_place)
        bpf_l4_csum_replace(skb, p->l4_offset + sum_place, old, new,
                            2 | checksum_flags(p->flow.protocol));
    bpf_skb_store_bytes(skb, p->l4_offset + place, &new, 2, 0);
}

static __always_inline int is_echo(const struct packet *p) {
    return p->flow.protocol == IPPROTO_ICMP || p->flow.protocol == ICMP6;
}

/* Give a packet other addresses and ports of its own family, in ``p`` too. */
static __always_inline void rewrite(struct __sk_buff *skb, struct packet *p,
                                    const struct nat_value *to) {
    struct address old[2] = { p->flow.source, p->flow.destination };
    struct address new[2] = { to->source, to->destination };
    s64 sum = store_addresses(skb, p->family, ETH_HLEN, old, new);
    u32 sum_place = checksum_place(p->flow.protocol);
    if (p->is_fragment != 2) {
        if (sum_place && p->flow.protocol != IPPROTO_ICMP)
            bpf_l4_csum_replace(skb, p->l4_offset + sum_place, 0, sum,
                                BPF_F_PSEUDO_HDR | checksum_flags(p->flow.protocol));
        if (is_echo(p)) {
            store_port(skb, p, 4, p->flow.source_port, to->source_port);
        } else {
            store_port(skb, p, 0, p->flow.source_port, to->source_port);
            store_port(skb, p, 2, p->flow.destination_port, to->destination_port);
        }
    }
    p->flow.source = to->source;
    p->flow.destination = to->destination;
    p->flow.source_port = to->source_port;
    p->flow.destination_port = to->destination_port;
    if (!is_echo(p))
        p->policy_port = to->destination_port;
}

/* An ICMP error about a packet that we had rewritten: make it one about the original packet.
 * ``to`` is what an answer to the quoted packet becomes. */
static __always_inline void rewrite_error(struct __sk_buff *skb, struct packet *p,
                                          const struct nat_value *to) {
    struct address quoted[2] = { p->inner.source, p->inner.destination };
    struct address original[2] = { to->destination, to->source };
    struct address outer[2] = { p->flow.source, p->flow.destination };
    struct address wanted[2] = { p->flow.source, to->destination };
    u32 quoted_l4 = p->inner_offset + (p->family == 4 ? 20 : 40);
    u32 sum_at = p->l4_offset + 2;
    u16 port = to->destination_port, remote = to->source_port;
    if (same_address(&p->flow.source, &p->inner.destination))
        wanted[0] = to->source;
    s64 sum = store_addresses(skb, p->family, p->inner_offset, quoted, original);
    if (p->family == 6) /* IPv4's own header sum makes up for the change */
        bpf_l4_csum_replace(skb, sum_at, 0, sum, 0);
    if (p->inner.protocol == IPPROTO_ICMP || p->inner.protocol == ICMP6) {
        bpf_l4_csum_replace(skb, sum_at, p->inner.source_port, port, 2);
        bpf_skb_store_bytes(skb, quoted_l4 + 4, &port, 2, 0);
    } else {
        bpf_l4_csum_replace(skb, sum_at, p->inner.source_port, port, 2);
        bpf_skb_store_bytes(skb, quoted_l4, &port, 2, 0);
        bpf_l4_csum_replace(skb, sum_at, p->inner.destination_port, remote, 2);
        bpf_skb_store_bytes(skb, quoted_l4 + 2, &remote, 2, 0);
    }
    sum = store_addresses(skb, p->family, ETH_HLEN, outer, wanted);
    if (p->family == 6)
        bpf_l4_csum_replace(skb, sum_at, 0, sum, BPF_F_PSEUDO_HDR);
    p->flow.source = wanted[0];
    p->flow.destination = wanted[1];
    p->inner.source = original[0];
    p->inner.destination = original[1];
    p->inner.source_port = port;
    if (p->inner.protocol != IPPROTO_ICMP && p->inner.protocol != ICMP6)
        p->inner.destination_port = remote;
}

static __always_inline struct nat_value *find_nat(struct packet *p, u8 hook) {
    u64 now = bpf_ktime_get_ns();
    if (p->is_error)
        reverse(&p->key, &p->inner, hook);
    else
        p->key = p->flow;
    p->key.direction = hook;
    p->key.pad = 0;
    struct nat_value *value = lg_nat.lookup(&p->key);
    if (!value || now - value->seen > timeout_of(value->state))
        return 0;
    return value;
}

static __always_inline void note_nat(struct packet *p, struct nat_value *value) {
    value->seen = bpf_ktime_get_ns();
    if (p->flow.protocol != IPPROTO_TCP)
        return;
    if (p->tcp_flags & (TCP_FIN | TCP_RST))
        value->state = STATE_CLOSING;
    else if (value->state == STATE_OPENING && !p->opens)
        value->state = STATE_ESTABLISHED;
}

/* Translate a packet, or the packet that an error quotes, if its flow has an entry at this hook.
 * The flow of ``p`` is then the translated one. */
static __always_inline int translate(struct __sk_buff *skb, struct packet *p, u8 hook) {
    struct nat_value *value = find_nat(p, hook);
    if (!value)
        return 0;
    /* Another processor may evict and reuse the entry while it is read. */
    p->there = *value;
    if (p->is_error) {
        rewrite_error(skb, p, &p->there);
    } else {
        note_nat(p, value);
        rewrite(skb, p, &p->there);
    }
    return 1;
}

/* Write into ``p->back`` and ``p->here`` what the answers to ``p->there`` are and become. */
static __always_inline void make_answer(struct packet *p, u8 back_hook) {
    p->here.seen = p->there.seen = bpf_ktime_get_ns();
    p->here.state = p->there.state =
        p->flow.protocol == IPPROTO_TCP ? STATE_OPENING : STATE_DATAGRAM;
    p->here.kind = p->there.kind;
    p->here.pad = p->there.pad = 0;
    p->here.source = p->flow.destination;
    p->here.destination = p->flow.source;
    p->here.source_port = p->flow.destination_port;
    p->here.destination_port = p->flow.source_port;
    p->back.source = p->there.destination;
    p->back.destination = p->there.source;
    p->back.source_port = p->there.destination_port;
    p->back.destination_port = p->there.source_port;
    p->back.protocol = p->flow.protocol;
    p->back.direction = back_hook;
    p->back.pad = 0;
}

/* Have a flow become ``p->there`` at one hook, and its answers at another what they would be
 * without. */
static __always_inline void add_nat(struct packet *p, u8 hook, u8 back_hook) {
    make_answer(p, back_hook);
    p->key = p->flow;
    p->key.direction = hook;
    p->key.pad = 0;
    lg_nat.update(&p->back, &p->here);
    lg_nat.update(&p->key, &p->there);
}

/* Find a port of ours for a flow to ``p->there``, by which its answers are told from others'. */
static __always_inline int take_port(struct packet *p, u8 back_hook) {
    u64 ports = config(CONFIG_NAT_PORTS);
    u32 first = ports & 0xffff, last = ports >> 16 & 0xffff;
    u32 span = last >= first ? last - first + 1 : 1;
    u32 start = bpf_get_prandom_u32();
    make_answer(p, back_hook);
#pragma unroll
    for (int i = 0; i < NAT_PORT_TRIES; i++) {
        u16 port = bpf_htons(first + (start + i * 7919) % span);
        p->back.destination_port = port;
        if (is_echo(p))
            p->back.source_port = port;
        if (lg_nat.insert(&p->back, &p->here) == 0) {
            p->there.source_port = port;
            if (is_echo(p))
                p->there.destination_port = port;
            return 0;
        }
    }
    return -1;
}
