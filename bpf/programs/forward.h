/* Sending packets on without the host's stack. */

BPF_TABLE_PINNED("hash", u32, struct device, lg_devices, 64, PIN_DIR "/lg_devices");

#define AF_INET_ 2
#define AF_INET6_ 10
#define FIB_SUCCESS 0
#define FIB_NO_NEIGHBOUR 7

/* BCC declares it without its last argument. */
static long (*redirect_neigh)(u32, struct bpf_redir_neigh *, int, u64) = (void *)152;

/* Count a hop; -1 if it was the last and the stack must say so. */
static __always_inline int count_hop(struct __sk_buff *skb, u8 family) {
    u8 hops;
    u32 place = ETH_HLEN + (family == 4 ? 8 : 7);
    if (bpf_skb_load_bytes(skb, place, &hops, 1) || hops <= 1)
        return -1;
    if (family == 4) {
        u16 old, new;
        bpf_skb_load_bytes(skb, place, &old, 2);
        new = old - bpf_htons(0x0100);
        bpf_l3_csum_replace(skb, ETH_HLEN + 10, old, new, 2);
    }
    hops--;
    bpf_skb_store_bytes(skb, place, &hops, 1, 0);
    return 0;
}

/* Whether a pod of this node can be reached without the stack. */
static __always_inline int is_direct(struct __sk_buff *skb, struct endpoint_ip *local) {
    return local && local->has_mac && local->ifindex != skb->ifindex &&
           config(CONFIG_FLAGS) & FLAG_FAST_PATH;
}

/* To a pod of this node, straight into its namespace; its policy has been judged. */
static __always_inline int to_local_pod(struct __sk_buff *skb, struct packet *p,
                                        struct endpoint_ip *local) {
    u8 mac[6];
    if (!is_direct(skb, local))
        return TC_ACT_OK;
    u32 ifindex = local->ifindex;
    __builtin_memcpy(mac, local->mac, sizeof(mac));
    if (count_hop(skb, p->family))
        return TC_ACT_OK;
    bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
    return bpf_redirect_peer(ifindex, 0);
}

/* Out of the node by its routes. The stack would take a packet that bears an address of this host
 * and comes from elsewhere for a forgery. */
static __always_inline int by_route(struct __sk_buff *skb, struct packet *p, u8 direction) {
    struct bpf_fib_lookup fib = {};
    struct bpf_redir_neigh next = {};
    fib.ifindex = skb->ifindex;
    fib.l4_protocol = p->flow.protocol;
    if (p->family == 4) {
        fib.family = AF_INET_;
        fib.ipv4_src = p->flow.source.words[3];
        fib.ipv4_dst = p->flow.destination.words[3];
    } else {
        fib.family = AF_INET6_;
        __builtin_memcpy(fib.ipv6_src, &p->flow.source, 16);
        __builtin_memcpy(fib.ipv6_dst, &p->flow.destination, 16);
    }
    long found = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
    if ((found != FIB_SUCCESS && found != FIB_NO_NEIGHBOUR) || count_hop(skb, p->family)) {
        count(skb, REASON_NO_ROUTE, direction);
        return TC_ACT_SHOT;
    }
    if (found == FIB_SUCCESS) {
        bpf_skb_store_bytes(skb, 0, fib.dmac, 6, 0);
        bpf_skb_store_bytes(skb, 6, fib.smac, 6, 0);
        return bpf_redirect(fib.ifindex, 0);
    }
    next.nh_family = fib.family;
    __builtin_memcpy(next.ipv6_nh, fib.ipv6_dst, 16);
    return redirect_neigh(fib.ifindex, &next, sizeof(next), 0);
}
