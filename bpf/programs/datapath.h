/* Types and maps that every program shares. The maps are created, sized and pinned by maps.py;
 * PIN_DIR is put in by compile.py, which also puts this text before each program. */
#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/in6.h>
#include <uapi/linux/ip.h>
#include <uapi/linux/ipv6.h>
#include <uapi/linux/pkt_cls.h>
#include <uapi/linux/tcp.h>

#define MARK_MASK 0xf00
#define MARK_REDIRECTED 0x200
#define MARK_PROXY_REPLY 0xa00
#define MARK_PROXY_DONE 0xb00
#define MARK_INGRESS 0xd00

#define IDENTITY_HOST 1
#define IDENTITY_WORLD 2
#define IDENTITY_INGRESS 8

#define INGRESS 0
#define EGRESS 1

#define ALLOW 1
#define DENY 2
#define REDIRECT 3

#define ENFORCED_INGRESS 1
#define ENFORCED_EGRESS 2
#define AUDITED 4 /* what would be dropped passes, and is reported */

/* Why a packet was counted; names in events.py. */
#define REASON_FORWARDED 0
#define REASON_REDIRECTED 1
#define REASON_NO_RULE 2
#define REASON_DENIED 3
#define REASON_SPOOFED 4
#define REASON_NO_PROXY 5
#define REASON_INVALID 6
#define REASON_POLICY_CHANGED 7
#define REASON_NO_SOCKET 8
#define REASON_NO_BACKEND 9
#define REASON_NO_ENDPOINT 10
#define REASON_FRAGMENT 11
#define REASON_EVENT_LOST 12
#define REASON_AUDITED 13
#define REASON_SOURCE_RANGE 14
#define REASON_NO_NAT_PORT 15
#define REASON_NO_ROUTE 16
#define REASON_TRANSLATED 17
#define REASONS 18

/* Slots of lg_config. */
#define CONFIG_REVISION 0
#define CONFIG_NETNS_COOKIE 1
#define CONFIG_FLAGS 2
#define CONFIG_NAT_PORTS 3 /* first | last << 16 */

#define FLAG_SOCKET_LB_HOST_ONLY 1
#define FLAG_FAST_PATH 2
#define FLAG_MASQUERADE 4

/* Ports are in network byte order, as addresses are, the rest in the host's. IPv4 addresses are
 * written as ::ffff:a.b.c.d, so that one map and one code serve both families. */
struct address { u32 words[4]; };
struct endpoint {
    u32 endpoint_id; u32 identity; u32 flags; u32 pad; struct address ipv4; struct address ipv6;
};
struct endpoint_ip {
    u32 endpoint_id; u32 identity; u32 ifindex; u32 flags; u8 mac[6]; u16 has_mac;
};
struct cidr_key { u32 prefixlen; struct address address; };
struct policy_key {
    u32 prefixlen; u32 endpoint_id; u32 identity; u8 direction; u8 protocol; u16 port;
};
struct policy_value { u8 verdict; u8 pad; u16 rule_class; };
struct class_pair { u16 egress_class; u16 ingress_class; };
struct flow_key {
    struct address source; struct address destination; u16 source_port; u16 destination_port;
    u8 protocol; u8 direction; u16 pad;
};
struct flow_value {
    u64 seen; u64 revision; u64 packets; u64 bytes; u32 peer; u32 endpoint_id;
    u16 egress_class; u16 ingress_class; u8 verdict; u8 granted; u8 state; u8 translated;
};
struct nat_value {
    u64 seen; struct address source; struct address destination;
    u16 source_port; u16 destination_port; u8 state; u8 kind; u16 pad;
};
struct fragment_key {
    struct address source; struct address destination; u32 id; u8 protocol; u8 direction; u16 pad;
};
struct fragment_value { u16 source_port; u16 destination_port; };
struct counter { u64 packets; u64 bytes; };
struct event {
    u64 time; struct address source; struct address destination;
    u16 source_port; u16 destination_port; u32 source_identity; u32 destination_identity;
    u32 endpoint_id; u8 direction; u8 verdict; u8 protocol; u8 reason; u32 pad;
};
struct event_budget { u64 window; u64 used; };
struct hairpin { u32 ifindex; u8 mac[6]; u16 pad; };
struct device { struct address ipv4; struct address ipv6; };
struct service_key { struct address address; u16 port; u8 protocol; u8 scope; };
struct service_value {
    u32 service_id; u32 origin; u32 backends; u32 affinity_s; u32 flags; u32 pad;
};
struct backend_key { u32 service_id; u32 slot; };
struct backend_value { struct address address; u16 port; u16 pad; };
struct affinity_key { struct address client; u64 netns; u32 origin; u32 pad; };
struct affinity_value { u64 seen; struct address address; u16 port; u16 pad[3]; };
struct member_key { struct address address; u32 origin; u16 port; u16 pad; };
struct range_key { u32 prefixlen; u32 origin; struct address address; };
struct maglev_value { u16 slots[1021]; };
struct peer_key { struct address address; u64 cookie; u16 port; u16 pad[3]; };
struct peer_value { struct address address; u16 port; u16 pad; };
struct node_port { u16 port; u8 protocol; u8 pad; };

BPF_TABLE_PINNED("array", u32, u64, lg_config, 4, PIN_DIR "/lg_config");
BPF_TABLE_PINNED("hash", u32, u32, lg_proxy_listen, 4096, PIN_DIR "/lg_proxy_listen");

static __always_inline u64 config(u32 slot) {
    u64 *value = lg_config.lookup(&slot);
    return value ? *value : 0;
}

static __always_inline void set_ipv4(struct address *to, u32 ipv4) {
    to->words[0] = to->words[1] = 0;
    to->words[2] = bpf_htonl(0xffff);
    to->words[3] = ipv4;
}

static __always_inline void set_ipv6(struct address *to, const void *ipv6) {
    __builtin_memcpy(to, ipv6, sizeof(*to));
}

static __always_inline int is_ipv4(const struct address *a) {
    return !a->words[0] && !a->words[1] && a->words[2] == bpf_htonl(0xffff);
}

static __always_inline int same_address(const struct address *a, const struct address *b) {
    return a->words[3] == b->words[3] && a->words[2] == b->words[2] &&
           a->words[1] == b->words[1] && a->words[0] == b->words[0];
}
