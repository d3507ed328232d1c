/* Types and maps that every program shares. The maps are created, sized and pinned by maps.py;
 * PIN_DIR is put in by compile.py, which also puts this text before each program. */
#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/ip.h>
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
#define REASON_IPV6 9
#define REASON_NO_ENDPOINT 10
#define REASON_FRAGMENT 11
#define REASON_EVENT_LOST 12
#define REASON_AUDITED 13
#define REASONS 14

#define CONFIG_REVISION 0
#define CONFIG_NETNS_COOKIE 1

/* Addresses and ports are in network byte order, the rest in the host's. */
struct endpoint { u32 endpoint_id; u32 identity; u32 ipv4; u32 flags; };
struct endpoint_ip { u32 endpoint_id; u32 identity; u32 ifindex; u32 flags; };
struct cidr_key { u32 prefixlen; u32 ipv4; };
struct policy_key {
    u32 prefixlen; u32 endpoint_id; u32 identity; u8 direction; u8 protocol; u16 port;
};
struct policy_value { u8 verdict; u8 pad; u16 rule_class; };
struct class_pair { u16 egress_class; u16 ingress_class; };
struct flow_key {
    u32 source; u32 destination; u16 source_port; u16 destination_port;
    u8 protocol; u8 direction; u16 pad;
};
struct flow_value {
    u64 seen; u64 revision; u32 peer; u8 verdict; u8 granted; u16 egress_class;
    u16 ingress_class; u16 pad; u32 endpoint_id;
};
struct fragment_key { u32 source; u32 destination; u16 id; u8 protocol; u8 direction; };
struct fragment_value { u16 source_port; u16 destination_port; };
struct counter { u64 packets; u64 bytes; };
struct event {
    u64 time; u32 source; u32 destination; u16 source_port; u16 destination_port;
    u32 source_identity; u32 destination_identity; u32 endpoint_id;
    u8 direction; u8 verdict; u8 protocol; u8 reason; u32 pad;
};
struct event_budget { u64 window; u64 used; };
struct hairpin { u32 ifindex; u8 mac[6]; u16 pad; };
struct service_key { u32 address; u16 port; u8 protocol; u8 pad; };
struct service_value { u32 service_id; u32 backends; };
struct backend_key { u32 service_id; u32 slot; };
struct backend_value { u32 address; u16 port; u16 pad; };
struct peer_key { u64 cookie; u32 address; u16 port; u16 pad; };
struct peer_value { u32 address; u16 port; u16 pad; };

BPF_TABLE_PINNED("array", u32, u64, lg_config, 4, PIN_DIR "/lg_config");
BPF_TABLE_PINNED("hash", u32, u32, lg_proxy_listen, 4096, PIN_DIR "/lg_proxy_listen");
