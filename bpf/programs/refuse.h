/* An ICMP error instead of silence: nobody serves this port. The packet becomes the answer. */

#define QUOTED_IPV4 28 /* an IP header and eight bytes of what it carries */
#define QUOTED_IPV6 48

static __always_inline u16 folded(u64 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static __always_inline int refuse_ipv4(struct __sk_buff *skb) {
    u8 icmp[8 + QUOTED_IPV4] = { 3, 3 };
    struct iphdr asked, ip = {};
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &asked, sizeof(asked)) ||
        bpf_skb_load_bytes(skb, ETH_HLEN, icmp + 8, QUOTED_IPV4) ||
        bpf_skb_change_tail(skb, ETH_HLEN + sizeof(ip) + sizeof(icmp), 0))
        return -1;
    ip.version = 4;
    ip.ihl = 5;
    ip.tos = 0xc0;
    ip.tot_len = bpf_htons(sizeof(ip) + sizeof(icmp));
    ip.ttl = 64;
    ip.protocol = IPPROTO_ICMP;
    ip.saddr = asked.daddr;
    ip.daddr = asked.saddr;
    ip.check = folded(bpf_csum_diff(0, 0, (__be32 *)&ip, sizeof(ip), 0));
    *(u16 *)(icmp + 2) = folded(bpf_csum_diff(0, 0, (__be32 *)icmp, sizeof(icmp), 0));
    return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ||
           bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(ip), icmp, sizeof(icmp), 0);
}

static __always_inline int refuse_ipv6(struct __sk_buff *skb) {
    u8 icmp[8 + QUOTED_IPV6] = { 1, 4 };
    struct ipv6hdr asked, ip = {};
    u32 pseudo[2] = { bpf_htonl(sizeof(icmp)), bpf_htonl(ICMP6) };
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &asked, sizeof(asked)) ||
        bpf_skb_load_bytes(skb, ETH_HLEN, icmp + 8, QUOTED_IPV6) ||
        bpf_skb_change_tail(skb, ETH_HLEN + sizeof(ip) + sizeof(icmp), 0))
        return -1;
    ip.version = 6;
    ip.payload_len = bpf_htons(sizeof(icmp));
    ip.nexthdr = ICMP6;
    ip.hop_limit = 64;
    ip.saddr = asked.daddr;
    ip.daddr = asked.saddr;
    s64 sum = bpf_csum_diff(0, 0, (__be32 *)&ip.saddr, 32, 0);
    sum = bpf_csum_diff(0, 0, (__be32 *)pseudo, sizeof(pseudo), sum);
    sum = bpf_csum_diff(0, 0, (__be32 *)icmp, sizeof(icmp), sum);
    *(u16 *)(icmp + 2) = folded(sum);
    return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ||
           bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(ip), icmp, sizeof(icmp), 0);
}

/* Send the refusal back by the device the packet came from. */
static __always_inline int refuse_packet(struct __sk_buff *skb, struct packet *p, u8 direction) {
    u8 macs[12];
    u8 back[12];
    int plain = p->l4_offset == ETH_HLEN + (p->family == 4 ? 20 : 40);
    count(skb, REASON_NO_BACKEND, direction);
    if (!plain || p->is_fragment || p->is_error || is_echo(p) ||
        bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
        return TC_ACT_SHOT;
    if (p->family == 4 ? refuse_ipv4(skb) : refuse_ipv6(skb))
        return TC_ACT_SHOT;
    __builtin_memcpy(back, macs + 6, 6);
    __builtin_memcpy(back + 6, macs, 6);
    bpf_skb_store_bytes(skb, 0, back, sizeof(back), 0);
    skb->mark = MARK_PROXY_DONE; /* to_pod lets it pass: no rule is about it */
    return bpf_redirect(skb->ifindex, 0);
}
