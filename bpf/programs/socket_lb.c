/* Services at the socket: the address of a Service becomes one of its backends before the first
 * packet, and is shown again to the program that asks who its peer is. */

BPF_TABLE_PINNED("hash", struct service_key, struct service_value, lg_services, 65536,
                 PIN_DIR "/lg_services");
BPF_TABLE_PINNED("hash", struct backend_key, struct backend_value, lg_backends, 262144,
                 PIN_DIR "/lg_backends");
BPF_TABLE_PINNED("lru_hash", struct peer_key, struct peer_value, lg_peers, 65536,
                 PIN_DIR "/lg_peers");

#define GO_ON 1
#define REFUSE 0
#define ECONNREFUSED_ 111

static int (*refuse_with)(int) = (void *)187; /* bpf_set_retval, newer than BCC's own list */
static u64 (*netns_cookie)(void *) = (void *)122; /* bpf_get_netns_cookie */

static __always_inline int to_backend(struct bpf_sock_addr *ctx) {
    struct service_key key = {};
    key.address = ctx->user_ip4;
    key.port = ctx->user_port;
    key.protocol = ctx->protocol;
    struct service_value *service = lg_services.lookup(&key);
    if (!service)
        return GO_ON;
    u32 backends = service->backends;
    if (!backends) {
        refuse_with(-ECONNREFUSED_);
        return REFUSE;
    }
    struct backend_key slot = {};
    slot.service_id = service->service_id;
    slot.slot = bpf_get_prandom_u32() % backends;
    struct backend_value *backend = lg_backends.lookup(&slot);
    if (!backend) {
        refuse_with(-ECONNREFUSED_);
        return REFUSE;
    }
    struct peer_key peer = {};
    peer.cookie = bpf_get_socket_cookie(ctx);
    peer.address = backend->address;
    peer.port = backend->port;
    struct peer_value asked = {};
    asked.address = key.address;
    asked.port = key.port;
    lg_peers.update(&peer, &asked);
    ctx->user_ip4 = backend->address;
    ctx->user_port = backend->port;
    return GO_ON;
}

/* A process of the host that connects to a proxy port would make the proxy connect to itself. */
static __always_inline int is_proxy_port(struct bpf_sock_addr *ctx) {
    if ((bpf_ntohl(ctx->user_ip4) >> 24) != 127 || ctx->protocol != IPPROTO_TCP)
        return 0;
    u32 port = bpf_ntohs(ctx->user_port);
    if (!lg_proxy_listen.lookup(&port))
        return 0;
    u32 slot = CONFIG_NETNS_COOKIE;
    u64 *host = lg_config.lookup(&slot);
    return host && *host == netns_cookie(ctx);
}

int connect4(struct bpf_sock_addr *ctx) {
    if (is_proxy_port(ctx)) {
        refuse_with(-ECONNREFUSED_);
        return REFUSE;
    }
    return to_backend(ctx);
}

int sendmsg4(struct bpf_sock_addr *ctx) {
    return to_backend(ctx);
}

static __always_inline int as_asked(struct bpf_sock_addr *ctx) {
    struct peer_key peer = {};
    peer.cookie = bpf_get_socket_cookie(ctx);
    peer.address = ctx->user_ip4;
    peer.port = ctx->user_port;
    struct peer_value *asked = lg_peers.lookup(&peer);
    if (asked) {
        ctx->user_ip4 = asked->address;
        ctx->user_port = asked->port;
    }
    return GO_ON;
}

int recvmsg4(struct bpf_sock_addr *ctx) {
    return as_asked(ctx);
}

int getpeername4(struct bpf_sock_addr *ctx) {
    return as_asked(ctx);
}
