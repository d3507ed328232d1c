/* tc programs on the node's own devices: Services for clients outside, masquerading, and the
 * policy of the host. */

BPF_TABLE_PINNED("lpm_trie", struct cidr_key, u32, lg_unmasked, 4096, PIN_DIR "/lg_unmasked");

static __always_inline u32 mixed(u32 hash, u32 word) {
    hash = (hash ^ word) * 0x85ebca6b;
    return hash ^ hash >> 15;
}

/* The same number on every node for a connection, so that any of them chooses the same backend. */
static __always_inline u32 flow_hash(const struct flow_key *flow) {
    u32 hash = flow->protocol;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        hash = mixed(hash, flow->source.words[i]);
        hash = mixed(hash, flow->destination.words[i]);
    }
    return mixed(mixed(hash, (u32)flow->source_port << 16 | flow->destination_port), 0x9e3779b9);
}

static __always_inline int own_address(struct __sk_buff *skb, u8 family, struct address *own) {
    u32 ifindex = skb->ifindex;
    struct device *device = lg_devices.lookup(&ifindex);
    if (!device)
        return -1;
    *own = family == 4 ? device->ipv4 : device->ipv6;
    return own->words[3] ? 0 : -1;
}

static __always_inline int lost(struct __sk_buff *skb, struct packet *p, u8 direction, u8 reason) {
    return drop(skb, p, direction, reason, IDENTITY_WORLD, 0, 0);
}

/* A connection from outside to a Service: to a backend here with the client's address as it is, to
 * one elsewhere in our own name, so that the answer comes back by us. */
static __always_inline int open_service(struct __sk_buff *skb, struct packet *p,
                                        struct service_value *service) {
    struct backend_value backend = {};
    struct nat_value *there = &p->there;
    if (!is_in_ranges(service, &p->flow.source))
        return lost(skb, p, INGRESS, REASON_SOURCE_RANGE);
    if (choose_backend(service, &p->flow.source, 0, flow_hash(&p->flow), &backend))
        return service->flags & SERVICE_SILENT ? lost(skb, p, INGRESS, REASON_NO_BACKEND)
                                               : refuse_packet(skb, p, INGRESS);
    if (is_ipv4(&backend.address) != (p->family == 4))
        return refuse_packet(skb, p, INGRESS);
    there->kind = KIND_SERVICE;
    there->source = p->flow.source;
    there->source_port = p->flow.source_port;
    there->destination = backend.address;
    there->destination_port = backend.port;
    if (lg_endpoint_ips.lookup(&backend.address) ||
        identity_of(&backend.address) == IDENTITY_HOST) {
        add_nat(p, AT_DEVICE_IN, AT_DEVICE_OUT);
        rewrite(skb, p, there);
        count(skb, REASON_TRANSLATED, INGRESS);
        return TC_ACT_OK;
    }
    if (own_address(skb, p->family, &there->source) || take_port(p, AT_DEVICE_IN))
        return lost(skb, p, INGRESS, REASON_NO_NAT_PORT);
    add_nat(p, AT_DEVICE_IN, AT_DEVICE_IN);
    rewrite(skb, p, there);
    count(skb, REASON_TRANSLATED, INGRESS);
    return by_route(skb, p, INGRESS);
}

/* A packet of a translated connection: to a pod or the host here, or on to another node. */
static __always_inline int after_translation(struct __sk_buff *skb, struct packet *p) {
    count(skb, REASON_TRANSLATED, INGRESS);
    if (lg_endpoint_ips.lookup(&p->flow.destination) ||
        identity_of(&p->flow.destination) == IDENTITY_HOST)
        return TC_ACT_OK;
    return by_route(skb, p, INGRESS);
}

int from_device(struct __sk_buff *skb) {
    struct packet *p = clear_packet(FROM_DEVICE);
    if (!p)
        return TC_ACT_OK;
    int invalid = parse(skb, INGRESS, p);
    if (invalid == NOT_IP || invalid == NEIGHBOUR)
        return TC_ACT_OK;
    if (invalid) {
        struct endpoint *host = host_endpoint();
        return host && host->flags & ENFORCED_INGRESS ? lost(skb, p, INGRESS, invalid)
                                                      : TC_ACT_OK;
    }
    if (lg_endpoint_ips.lookup(&p->flow.source))
        return lost(skb, p, INGRESS, REASON_SPOOFED); /* our own pods are not out there */
    if (translate(skb, p, AT_DEVICE_IN))
        return after_translation(skb, p);
    if (!p->is_error && !is_echo(p)) {
        struct service_value *service = find_service(
            &p->flow.destination, p->flow.destination_port, p->flow.protocol, SCOPE_EXTERNAL);
        if (service)
            return open_service(skb, p, service);
    }
    if (host_denies(skb, p, identity_of(&p->flow.source), identity_of(&p->flow.destination)))
        return TC_ACT_SHOT;
    return TC_ACT_OK;
}

/* Whether an address is one that knows the pods' addresses: of pods and nodes, or set apart. */
static __always_inline int is_unmasked(const struct address *address, u32 identity) {
    struct cidr_key key = { .prefixlen = 128, .address = *address };
    int outside = identity == IDENTITY_WORLD || (identity >> 24) == 1;
    return !outside || lg_unmasked.lookup(&key) != 0;
}

/* Let a pod's packet leave in the node's name; -1 if it must not leave at all. */
static __always_inline int masquerade(struct __sk_buff *skb, struct packet *p) {
    struct nat_value *there = &p->there;
    if (p->flow.protocol != IPPROTO_TCP && p->flow.protocol != IPPROTO_UDP && !is_echo(p))
        return 0; /* without ports that may change there is no telling whose an answer is */
    if (p->is_error)
        return 0;
    there->kind = KIND_MASQUERADE;
    there->destination = p->flow.destination;
    there->destination_port = p->flow.destination_port;
    if (own_address(skb, p->family, &there->source))
        return 0;
    if (take_port(p, AT_DEVICE_IN))
        return -1;
    add_nat(p, AT_DEVICE_OUT, AT_DEVICE_IN);
    rewrite(skb, p, there);
    count(skb, REASON_TRANSLATED, EGRESS);
    return 0;
}

int to_device(struct __sk_buff *skb) {
    struct packet *p = clear_packet(TO_DEVICE);
    if (!p)
        return TC_ACT_OK;
    int invalid = parse(skb, EGRESS, p);
    if (invalid)
        return TC_ACT_OK;
    if (translate(skb, p, AT_DEVICE_OUT)) {
        count(skb, REASON_TRANSLATED, EGRESS);
        return TC_ACT_OK;
    }
    u32 destination = identity_of(&p->flow.destination);
    if (config(CONFIG_FLAGS) & FLAG_MASQUERADE && lg_endpoint_ips.lookup(&p->flow.source) &&
        !is_unmasked(&p->flow.destination, destination)) {
        if (masquerade(skb, p))
            return lost(skb, p, EGRESS, REASON_NO_NAT_PORT);
        return TC_ACT_OK;
    }
    if (host_may_not_send(skb, p, identity_of(&p->flow.source), destination))
        return TC_ACT_SHOT;
    return TC_ACT_OK;
}
