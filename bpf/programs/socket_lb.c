/* Services at the socket: the address of a Service becomes one of its backends before the first
 * packet, and is shown again to the program that asks who its peer is. */

BPF_TABLE_PINNED("lru_hash", struct peer_key, struct peer_value, lg_peers, 131072,
                 PIN_DIR "/lg_peers");
BPF_TABLE_PINNED("hash", struct node_port, u32, lg_node_ports, 65536, PIN_DIR "/lg_node_ports");

#define GO_ON 1
#define REFUSE 0
#define EADDRINUSE_ 98
#define ECONNREFUSED_ 111
#define EHOSTUNREACH_ 113

static int (*refuse_with)(int) = (void *)187; /* bpf_set_retval, newer than BCC's own list */
static u64 (*netns_cookie)(void *) = (void *)122; /* bpf_get_netns_cookie */

static __always_inline int refuse(int error) {
    refuse_with(-error);
    return REFUSE;
}

static __always_inline void asked_ipv4(struct bpf_sock_addr *ctx, struct address *to) {
    set_ipv4(to, ctx->user_ip4);
}

static __always_inline void asked_ipv6(struct bpf_sock_addr *ctx, struct address *to) {
    to->words[0] = ctx->user_ip6[0];
    to->words[1] = ctx->user_ip6[1];
    to->words[2] = ctx->user_ip6[2];
    to->words[3] = ctx->user_ip6[3];
}

static __always_inline void show_ipv6(struct bpf_sock_addr *ctx, const struct address *from) {
    ctx->user_ip6[0] = from->words[0];
    ctx->user_ip6[1] = from->words[1];
    ctx->user_ip6[2] = from->words[2];
    ctx->user_ip6[3] = from->words[3];
}

/* Find a backend for the Service at an address. GO_ON with ``found`` 0: it is no Service, or its
 * backend cannot be reached by a socket of this family, which the pod's device sees to. */
static __always_inline int to_backend(struct bpf_sock_addr *ctx, struct address *asked, int ipv4,
                                      struct backend_value *backend, int *found) {
    struct address anyone = {};
    u64 netns = netns_cookie(ctx);
    if (config(CONFIG_FLAGS) & FLAG_SOCKET_LB_HOST_ONLY && netns != config(CONFIG_NETNS_COOKIE))
        return GO_ON;
    u16 port = ctx->user_port;
    struct service_value *service = find_service(asked, port, ctx->protocol, SCOPE_INTERNAL);
    if (!service)
        return GO_ON;
    if (!service->backends)
        return refuse(service->flags & SERVICE_SILENT ? EHOSTUNREACH_ : ECONNREFUSED_);
    if (choose_backend(service, &anyone, netns, bpf_get_prandom_u32(), backend))
        return refuse(ECONNREFUSED_);
    if (ipv4 != is_ipv4(&backend->address))
        return GO_ON;
    struct peer_key peer = {};
    peer.cookie = bpf_get_socket_cookie(ctx);
    peer.address = backend->address;
    peer.port = backend->port;
    struct peer_value shown = {};
    shown.address = *asked;
    shown.port = port;
    lg_peers.update(&peer, &shown);
    *found = 1;
    return GO_ON;
}

static __always_inline int lb_ipv4(struct bpf_sock_addr *ctx) {
    struct address asked;
    struct backend_value backend = {};
    int found = 0;
    asked_ipv4(ctx, &asked);
    int verdict = to_backend(ctx, &asked, 1, &backend, &found);
    if (found) {
        ctx->user_ip4 = backend.address.words[3];
        ctx->user_port = backend.port;
    }
    return verdict;
}

/* A socket of IPv6 speaks to ::ffff:a.b.c.d by IPv4 packets, so such an address may be any. */
static __always_inline int lb_ipv6(struct bpf_sock_addr *ctx) {
    struct address asked;
    struct backend_value backend = {};
    int found = 0;
    asked_ipv6(ctx, &asked);
    int verdict = to_backend(ctx, &asked, is_ipv4(&asked), &backend, &found);
    if (found) {
        show_ipv6(ctx, &backend.address);
        ctx->user_port = backend.port;
    }
    return verdict;
}

static __always_inline int is_host(void *ctx) {
    u64 host = config(CONFIG_NETNS_COOKIE);
    return host && host == netns_cookie(ctx);
}

/* A process of the host that connects to a proxy port would make the proxy connect to itself. */
static __always_inline int is_proxy_port(struct bpf_sock_addr *ctx, int loopback) {
    if (!loopback || ctx->protocol != IPPROTO_TCP)
        return 0;
    u32 port = bpf_ntohs(ctx->user_port);
    return lg_proxy_listen.lookup(&port) && is_host(ctx);
}

int connect4(struct bpf_sock_addr *ctx) {
    if (is_proxy_port(ctx, bpf_ntohl(ctx->user_ip4) >> 24 == 127))
        return refuse(ECONNREFUSED_);
    return lb_ipv4(ctx);
}

int connect6(struct bpf_sock_addr *ctx) {
    struct address asked;
    asked_ipv6(ctx, &asked);
    int own = !asked.words[0] && !asked.words[1] && !asked.words[2] &&
              asked.words[3] == bpf_htonl(1);
    if (is_proxy_port(ctx, own || (is_ipv4(&asked) && bpf_ntohl(asked.words[3]) >> 24 == 127)))
        return refuse(ECONNREFUSED_);
    return lb_ipv6(ctx);
}

int sendmsg4(struct bpf_sock_addr *ctx) {
    return lb_ipv4(ctx);
}

int sendmsg6(struct bpf_sock_addr *ctx) {
    return lb_ipv6(ctx);
}

static __always_inline struct peer_value *shown_as(struct bpf_sock_addr *ctx,
                                                   struct address *real) {
    struct peer_key peer = {};
    peer.cookie = bpf_get_socket_cookie(ctx);
    peer.address = *real;
    peer.port = ctx->user_port;
    return lg_peers.lookup(&peer);
}

static __always_inline int as_asked_ipv4(struct bpf_sock_addr *ctx) {
    struct address real;
    asked_ipv4(ctx, &real);
    struct peer_value *shown = shown_as(ctx, &real);
    if (shown) {
        ctx->user_ip4 = shown->address.words[3];
        ctx->user_port = shown->port;
    }
    return GO_ON;
}

static __always_inline int as_asked_ipv6(struct bpf_sock_addr *ctx) {
    struct address real;
    asked_ipv6(ctx, &real);
    struct peer_value *shown = shown_as(ctx, &real);
    if (shown) {
        struct address copy = shown->address;
        show_ipv6(ctx, &copy);
        ctx->user_port = shown->port;
    }
    return GO_ON;
}

int recvmsg4(struct bpf_sock_addr *ctx) {
    return as_asked_ipv4(ctx);
}

int recvmsg6(struct bpf_sock_addr *ctx) {
    return as_asked_ipv6(ctx);
}

int getpeername4(struct bpf_sock_addr *ctx) {
    return as_asked_ipv4(ctx);
}

int getpeername6(struct bpf_sock_addr *ctx) {
    return as_asked_ipv6(ctx);
}

/* A node port belongs to its Service: whoever bound it on the host would get nothing there. */
static __always_inline int may_bind(struct bpf_sock_addr *ctx) {
    struct node_port key = {};
    key.port = ctx->user_port;
    key.protocol = ctx->protocol;
    if (key.port && lg_node_ports.lookup(&key) && is_host(ctx))
        return refuse(EADDRINUSE_);
    return GO_ON;
}

int bind4(struct bpf_sock_addr *ctx) {
    return may_bind(ctx);
}

int bind6(struct bpf_sock_addr *ctx) {
    return may_bind(ctx);
}
