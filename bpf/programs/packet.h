/* Reading packets of both families into one form. */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define ICMP6 58
#define EXTENSION_HEADERS 6

#define NOT_IP 254       /* neither IPv4 nor IPv6 */
#define NEIGHBOUR 255    /* IPv6's own housekeeping on a link */

BPF_TABLE_PINNED("lru_hash", struct fragment_key, struct fragment_value, lg_fragments, 8192,
                 PIN_DIR "/lg_fragments");

struct packet {
    struct flow_key flow;    /* as the packet goes; direction is that of the program */
    struct flow_key inner;   /* with is_error: the flow of the packet that the error is about */
    u32 fragment;            /* number by which pieces belong together, with is_fragment */
    u16 l4_offset;
    u16 inner_offset;        /* of the IP header in an error */
    u16 policy_port;         /* what the policy calls the port; of ICMP: its type */
    u8 family;
    u8 opens;                /* a TCP SYN */
    u8 tcp_flags;
    u8 is_error;
    u8 is_fragment;          /* 1: the first piece, 2: a later one, without ports */
    u8 end[0];               /* what follows is not cleared: the stack holds 512 bytes only */
    struct flow_key key;
    struct flow_key back;
    struct flow_value value;
    struct nat_value there;
    struct nat_value here;
    struct event event;
    struct fragment_key piece;
};

/* One for each program, for they do not interrupt each other on a processor. */
BPF_TABLE_PINNED("percpu_array", u32, struct packet, lg_packet, 5, PIN_DIR "/lg_packet");

#define FROM_POD 0
#define TO_POD 1
#define HAIRPIN 2
#define FROM_DEVICE 3
#define TO_DEVICE 4

static __always_inline struct packet *clear_packet(u32 program) {
    struct packet *p = lg_packet.lookup(&program);
    if (p)
        __builtin_memset(p, 0, offsetof(struct packet, end));
    return p;
}

static __always_inline void reverse(struct flow_key *to, const struct flow_key *from, u8 direction) {
    to->source = from->destination;
    to->destination = from->source;
    to->source_port = from->destination_port;
    to->destination_port = from->source_port;
    to->protocol = from->protocol;
    to->direction = direction;
    to->pad = 0;
}

/* Skip IPv6 extension headers; ``next`` is left at the protocol, the offset at its header. */
static __always_inline int skip_extensions(struct __sk_buff *skb, u32 *offset, u8 *next,
                                           struct packet *p) {
#pragma unroll
    for (int i = 0; i < EXTENSION_HEADERS; i++) {
        u8 head[8];
        if (*next != 0 && *next != 43 && *next != 44 && *next != 51 && *next != 60)
            return 0;
        if (bpf_skb_load_bytes(skb, *offset, head, sizeof(head)))
            return REASON_INVALID;
        if (*next == 44) {
            u16 place = (u16)head[2] << 8 | head[3];
            if (place & 0xfff9) {
                p->is_fragment = place & 0xfff8 ? 2 : 1;
                __builtin_memcpy(&p->fragment, head + 4, 4);
            }
            *offset += 8;
        } else {
            *offset += *next == 51 ? (head[1] + 2) * 4 : (head[1] + 1) * 8;
        }
        *next = head[0];
        if (p->is_fragment == 2)
            return 0;
    }
    return REASON_INVALID;
}

static __always_inline int read_ipv4(struct __sk_buff *skb, u32 offset, struct flow_key *flow,
                                     u32 *l4, struct packet *p) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
        return REASON_INVALID;
    u16 place = bpf_ntohs(ip.frag_off);
    if (place & 0x3fff) {
        p->is_fragment = place & 0x1fff ? 2 : 1;
        p->fragment = ip.id;
    }
    set_ipv4(&flow->source, ip.saddr);
    set_ipv4(&flow->destination, ip.daddr);
    flow->protocol = ip.protocol;
    *l4 = offset + ip.ihl * 4;
    return 0;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, u32 offset, struct flow_key *flow,
                                     u32 *l4, u8 *hops, struct packet *p) {
    struct ipv6hdr ip;
    u8 next;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
        return REASON_INVALID;
    set_ipv6(&flow->source, &ip.saddr);
    set_ipv6(&flow->destination, &ip.daddr);
    /* A packet that says it is IPv4 inside IPv6 could claim anybody's identity. */
    if (is_ipv4(&flow->source) || is_ipv4(&flow->destination))
        return REASON_INVALID;
    *hops = ip.hop_limit;
    *l4 = offset + sizeof(ip);
    next = ip.nexthdr;
    int invalid = skip_extensions(skb, l4, &next, p);
    flow->protocol = next;
    return invalid;
}

/* The packet that an ICMP error quotes; eight bytes of its own header are there. */
static __always_inline int read_inner(struct __sk_buff *skb, u32 offset, struct packet *p) {
    u16 ports[4];
    u32 l4 = 0;
    u8 hops = 0;
    u8 whole = p->is_fragment;
    int invalid = p->family == 4 ? read_ipv4(skb, offset, &p->inner, &l4, p)
                                 : read_ipv6(skb, offset, &p->inner, &l4, &hops, p);
    u8 piece = p->is_fragment;
    p->is_fragment = whole;
    if (invalid || piece == 2 || bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
        return -1;
    int echo = p->inner.protocol == IPPROTO_ICMP || p->inner.protocol == ICMP6;
    p->inner.source_port = echo ? ports[2] : ports[0];
    p->inner.destination_port = echo ? ports[2] : ports[1];
    p->inner_offset = offset;
    return 0;
}

static __always_inline int is_error_type(u8 family, u8 type) {
    return family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

static __always_inline int read_icmp(struct __sk_buff *skb, struct packet *p) {
    u8 icmp[8];
    if (bpf_skb_load_bytes(skb, p->l4_offset, icmp, sizeof(icmp)))
        return REASON_INVALID;
    p->policy_port = bpf_htons(icmp[0]);
    if (is_error_type(p->family, icmp[0])) {
        p->is_error = read_inner(skb, p->l4_offset + 8, p) == 0;
        return 0;
    }
    /* Both directions of an echo carry the same id, so a reversed flow finds its request. */
    p->flow.source_port = p->flow.destination_port = icmp[4] | (u16)icmp[5] << 8;
    return 0;
}

static __always_inline int recall_fragment(struct packet *p) {
    struct fragment_key *key = &p->piece;
    key->source = p->flow.source;
    key->destination = p->flow.destination;
    key->id = p->fragment;
    key->protocol = p->flow.protocol;
    key->direction = p->flow.direction;
    key->pad = 0;
    if (p->is_fragment == 1) {
        struct fragment_value ports = { p->flow.source_port, p->flow.destination_port };
        lg_fragments.update(key, &ports);
        return 0;
    }
    struct fragment_value *ports = lg_fragments.lookup(key);
    if (!ports)
        return REASON_FRAGMENT;
    p->flow.source_port = ports->source_port;
    p->flow.destination_port = ports->destination_port;
    p->policy_port = ports->destination_port;
    return 0;
}

static __always_inline int read_ports(struct __sk_buff *skb, struct packet *p) {
    u8 l4[14] = {};
    if (p->flow.protocol == IPPROTO_TCP) {
        if (bpf_skb_load_bytes(skb, p->l4_offset, l4, 14))
            return REASON_INVALID;
        p->tcp_flags = l4[13];
        p->opens = (l4[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    } else if (p->flow.protocol == IPPROTO_UDP || p->flow.protocol == IPPROTO_SCTP) {
        if (bpf_skb_load_bytes(skb, p->l4_offset, l4, 8))
            return REASON_INVALID;
    }
    p->flow.source_port = l4[0] | (u16)l4[1] << 8;
    p->flow.destination_port = l4[2] | (u16)l4[3] << 8;
    p->policy_port = p->flow.destination_port;
    return 0;
}

/* What neighbours say to each other, which no router passes on: hence the hop limit. */
static __always_inline int is_neighbour_talk(struct packet *p, u8 hops) {
    u16 type = bpf_ntohs(p->policy_port);
    if (p->flow.protocol != ICMP6)
        return 0;
    if (type >= 133 && type <= 137)
        return hops == 255;
    return (type == 143 || (type >= 130 && type <= 132)) &&
           (p->flow.destination.words[0] & bpf_htonl(0xffff0000)) == bpf_htonl(0xff020000);
}

/* Whether an address means nothing beyond its link: fe80::/10, ff02::/16. */
static __always_inline int is_on_link(const struct address *address) {
    u32 first = bpf_ntohl(address->words[0]);
    return (first & 0xffc00000) == 0xfe800000 || (first & 0xffff0000) == 0xff020000;
}

/* Of what is not IP, policy has nothing to say of ARP only: a tag behind a tag would hide packets. */
static __always_inline int is_arp(struct __sk_buff *skb) {
    return skb->protocol == bpf_htons(ETH_P_ARP);
}

/* Fill ``p`` from a packet; a reason if it cannot be judged, NOT_IP or NEIGHBOUR if it need not. */
static __always_inline int parse(struct __sk_buff *skb, u8 direction, struct packet *p) {
    u32 l4 = 0;
    u8 hops = 0;
    int invalid;
    p->flow.direction = direction;
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        p->family = 4;
        invalid = read_ipv4(skb, ETH_HLEN, &p->flow, &l4, p);
    } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        p->family = 6;
        invalid = read_ipv6(skb, ETH_HLEN, &p->flow, &l4, &hops, p);
    } else {
        return NOT_IP;
    }
    if (invalid)
        return invalid;
    p->l4_offset = l4;
    if (p->is_fragment == 2)
        return recall_fragment(p);
    if (p->flow.protocol == (p->family == 4 ? IPPROTO_ICMP : ICMP6)) {
        invalid = read_icmp(skb, p);
        if (!invalid && p->family == 6 && is_neighbour_talk(p, hops))
            return NEIGHBOUR;
    } else {
        invalid = read_ports(skb, p);
    }
    if (invalid)
        return invalid;
    return p->is_fragment ? recall_fragment(p) : 0;
}
