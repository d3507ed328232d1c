/* Services: frontends, their backends, and which of them a connection gets. */

BPF_TABLE_PINNED("hash", struct service_key, struct service_value, lg_services, 131072,
                 PIN_DIR "/lg_services");
BPF_TABLE_PINNED("hash", struct backend_key, struct backend_value, lg_backends, 524288,
                 PIN_DIR "/lg_backends");
BPF_TABLE_PINNED("hash", u32, struct maglev_value, lg_maglev, 65536, PIN_DIR "/lg_maglev");
BPF_TABLE_PINNED("lru_hash", struct affinity_key, struct affinity_value, lg_affinity, 65536,
                 PIN_DIR "/lg_affinity");
/* The backends of frontends with affinity, to tell whether a remembered one is still there. */
BPF_TABLE_PINNED("hash", struct member_key, u32, lg_members, 131072, PIN_DIR "/lg_members");
BPF_TABLE_PINNED("lpm_trie", struct range_key, u32, lg_ranges, 65536, PIN_DIR "/lg_ranges");

#define SCOPE_INTERNAL 0 /* connections of this node and its pods */
#define SCOPE_EXTERNAL 1 /* those from outside */

#define SERVICE_RANGES 1  /* only clients of some prefixes */
#define SERVICE_SILENT 2  /* without backends, drop instead of refusing */
#define SERVICE_MAGLEV 4  /* choose by the flow's hash, alike on every node */
#define SERVICE_DIRECT 8  /* a backend elsewhere answers the client itself */

#define MAGLEV_SLOTS 1021
#define NANOSECONDS 1000000000ULL

static __always_inline struct service_value *find_service(const struct address *address, u16 port,
                                                          u8 protocol, u8 scope) {
    struct service_key key = {};
    key.address = *address;
    key.port = port;
    key.protocol = protocol;
    key.scope = scope;
    return lg_services.lookup(&key);
}

/* A backend that this client had before, if it is still one and not too long ago. */
static __always_inline int recall_backend(struct service_value *service, struct affinity_key *who,
                                          struct backend_value *backend) {
    u64 now = bpf_ktime_get_ns();
    struct affinity_value *known = lg_affinity.lookup(who);
    struct member_key member = {};
    if (!known || now - known->seen > service->affinity_s * NANOSECONDS)
        return -1;
    member.origin = service->origin;
    member.address = known->address;
    member.port = known->port;
    if (!lg_members.lookup(&member))
        return -1;
    known->seen = now;
    backend->address = known->address;
    backend->port = known->port;
    return 0;
}

static __always_inline void remember_backend(struct affinity_key *who,
                                             struct backend_value *backend) {
    struct affinity_value chosen = {};
    chosen.seen = bpf_ktime_get_ns();
    chosen.address = backend->address;
    chosen.port = backend->port;
    lg_affinity.update(who, &chosen);
}

/* Choose a backend for a new connection into ``backend``; 0 if there is one.
 * ``hash`` is random, or of the flow for consistent choice. */
static __always_inline int choose_backend(struct service_value *service,
                                          const struct address *client, u64 netns, u32 hash,
                                          struct backend_value *backend) {
    struct affinity_key who = {};
    struct backend_key slot = {};
    u32 count = service->backends;
    if (!count)
        return -1;
    if (service->affinity_s) {
        who.client = *client;
        who.netns = netns;
        who.origin = service->origin;
        if (recall_backend(service, &who, backend) == 0)
            return 0;
    }
    slot.service_id = service->service_id;
    slot.slot = hash % count;
    if (service->flags & SERVICE_MAGLEV) {
        u32 id = service->service_id;
        struct maglev_value *table = lg_maglev.lookup(&id);
        u32 index = hash % MAGLEV_SLOTS;
        asm volatile("" : "+r"(index)); /* the verifier must see the bound that it implies */
        if (table && index < MAGLEV_SLOTS)
            slot.slot = table->slots[index];
    }
    struct backend_value *found = lg_backends.lookup(&slot);
    if (!found)
        return -1;
    *backend = *found;
    if (service->affinity_s)
        remember_backend(&who, backend);
    return 0;
}

static __always_inline int is_in_ranges(struct service_value *service,
                                        const struct address *client) {
    struct range_key key = { .prefixlen = 160, .origin = service->origin, .address = *client };
    return !(service->flags & SERVICE_RANGES) || lg_ranges.lookup(&key) != 0;
}
