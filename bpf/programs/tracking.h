/* Connections: what was decided when they began, and how far they are. */

BPF_TABLE_PINNED("lru_hash", struct flow_key, struct flow_value, lg_ct, 262144, PIN_DIR "/lg_ct");
/* Connections nobody has answered yet have a map of their own, so that a flood of them cannot
 * drive out those that live. */
BPF_TABLE_PINNED("lru_hash", struct flow_key, struct flow_value, lg_opening, 65536,
                 PIN_DIR "/lg_opening");

/* How long without a packet, in nanoseconds; tracking.py collects by the same numbers. */
#define TIMEOUT_OPENING (60 * SECOND)
#define TIMEOUT_ESTABLISHED (21600 * SECOND)
#define TIMEOUT_CLOSING (10 * SECOND)
#define TIMEOUT_DATAGRAM (60 * SECOND)

#define STATE_OPENING 0
#define STATE_ESTABLISHED 1
#define STATE_CLOSING 2
#define STATE_DATAGRAM 3

static __always_inline u64 timeout_of(u8 state) {
    return state == STATE_ESTABLISHED ? TIMEOUT_ESTABLISHED
           : state == STATE_CLOSING   ? TIMEOUT_CLOSING
           : state == STATE_OPENING   ? TIMEOUT_OPENING
                                      : TIMEOUT_DATAGRAM;
}

static __always_inline void remember(struct __sk_buff *skb, struct packet *p,
                                     struct flow_key *flow, struct decision *d, u32 endpoint_id,
                                     u8 translated) {
    struct flow_value *value = &p->value;
    value->seen = bpf_ktime_get_ns();
    value->revision = config(CONFIG_REVISION);
    value->packets = 1;
    value->bytes = skb->len;
    value->peer = d->peer;
    value->verdict = value->granted = d->verdict;
    value->egress_class = d->egress_class;
    value->ingress_class = d->ingress_class;
    value->endpoint_id = endpoint_id;
    value->translated = translated;
    if (flow->protocol != IPPROTO_TCP) {
        value->state = STATE_DATAGRAM;
        lg_ct.update(flow, value);
    } else if (p->opens) {
        value->state = STATE_OPENING;
        lg_opening.update(flow, value);
        lg_ct.delete(flow);
    } else {
        value->state = STATE_ESTABLISHED;
        lg_ct.update(flow, value);
    }
}

static __always_inline void note_packet(struct __sk_buff *skb, struct packet *p,
                                        struct flow_value *value, u64 now) {
    value->seen = now;
    value->packets++;
    value->bytes += skb->len;
    if (p->tcp_flags & (TCP_FIN | TCP_RST))
        value->state = STATE_CLOSING;
}

/* The connection of a flow, with this packet counted; ``flow`` may be the packet's reversed. */
static __always_inline struct flow_value *recall(struct __sk_buff *skb, struct packet *p,
                                                 struct flow_key *flow) {
    u64 now = bpf_ktime_get_ns();
    struct flow_value *value = lg_ct.lookup(flow);
    if (!value && flow->protocol == IPPROTO_TCP) {
        struct flow_value *opening = lg_opening.lookup(flow);
        if (!opening || now - opening->seen > TIMEOUT_OPENING)
            return 0;
        p->value = *opening;
        p->value.state = STATE_ESTABLISHED;
        lg_ct.update(flow, &p->value);
        lg_opening.delete(flow);
        value = lg_ct.lookup(flow);
    }
    if (!value || now - value->seen > timeout_of(value->state))
        return 0;
    note_packet(skb, p, value, now);
    return value;
}

/* Whether a connection is known, without counting a packet of it. */
static __always_inline int is_known(struct flow_key *flow) {
    u64 now = bpf_ktime_get_ns();
    struct flow_value *value = lg_ct.lookup(flow);
    if (!value)
        value = lg_opening.lookup(flow);
    return value && value->granted != DENY && now - value->seen <= timeout_of(value->state);
}

/* A decision made anew counts only if it is the one the connection was opened with: a stream
 * cannot move into or out of a proxy, nor to other rules. */
static __always_inline void renew(struct flow_value *value, struct decision *d, u64 revision) {
    int same = d->verdict == value->granted && d->egress_class == value->egress_class &&
               d->ingress_class == value->ingress_class;
    value->verdict = same ? value->granted : DENY;
    value->revision = revision;
}

/* Whether an error is about a packet between those two whom it goes between, as an end tells it. */
static __always_inline int is_error_of_ends(const struct packet *p) {
    return same_address(&p->inner.source, &p->flow.destination) &&
           same_address(&p->inner.destination, &p->flow.source);
}

/* Whether an error is about a packet of whom it goes to; any router on the way may tell it. */
static __always_inline int is_error_for(const struct packet *p) {
    return same_address(&p->inner.source, &p->flow.destination);
}

static __always_inline int is_error_of_known(struct packet *p) {
    p->key = p->inner;
    p->key.direction = EGRESS;
    if (is_known(&p->key))
        return 1;
    p->key.direction = INGRESS;
    if (is_known(&p->key))
        return 1;
    reverse(&p->key, &p->inner, EGRESS);
    if (is_known(&p->key))
        return 1;
    p->key.direction = INGRESS;
    return is_known(&p->key);
}
