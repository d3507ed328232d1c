/* What the agent is told: the first packet of a connection and drops; the rest is counted. */

BPF_TABLE_PINNED("percpu_array", u32, struct counter, lg_metrics, 36, PIN_DIR "/lg_metrics");
BPF_TABLE_PINNED("percpu_array", u32, struct event_budget, lg_event_budget, 1,
                 PIN_DIR "/lg_event_budget");
BPF_TABLE_PINNED("lru_hash", struct flow_key, u64, lg_reported, 16384, PIN_DIR "/lg_reported");

struct lg_events_table_t {
    int key;
    u32 leaf;
    int (*ringbuf_output)(void *, u64, u64);
    void *(*ringbuf_reserve)(u64);
    void (*ringbuf_discard)(void *, u64);
    void (*ringbuf_submit)(void *, u64);
    u64 (*ringbuf_query)(u64);
    u32 max_entries;
};
__attribute__((section("maps/ringbuf:" PIN_DIR "/lg_events")))
struct lg_events_table_t lg_events = { .max_entries = 1024 };

#define EVENTS_PER_SECOND 20000
#define SECOND 1000000000ULL

struct decision { u8 verdict; u8 reason; u16 egress_class; u16 ingress_class; u16 pad; u32 peer; };

static __always_inline void count(struct __sk_buff *skb, u8 reason, u8 direction) {
    u32 slot = reason * 2 + direction;
    struct counter *counter = lg_metrics.lookup(&slot);
    if (counter) {
        counter->packets++;
        counter->bytes += skb->len;
    }
}

/* Whether there is room for one more event in this second; of this processor. */
static __always_inline int may_report(struct __sk_buff *skb, u64 now, u8 direction) {
    u32 zero = 0;
    struct event_budget *budget = lg_event_budget.lookup(&zero);
    if (!budget)
        return 0;
    if (now - budget->window > SECOND) {
        budget->window = now;
        budget->used = 0;
    }
    if (budget->used++ < EVENTS_PER_SECOND)
        return 1;
    count(skb, REASON_EVENT_LOST, direction);
    return 0;
}

static __always_inline void report(struct __sk_buff *skb, struct packet *p, u8 direction,
                                   struct decision *d, u32 own, u32 endpoint_id) {
    u64 now = bpf_ktime_get_ns();
    if (!may_report(skb, now, direction))
        return;
    struct event *e = &p->event;
    e->time = now;
    e->source = p->flow.source;
    e->destination = p->flow.destination;
    e->source_port = p->flow.source_port;
    e->destination_port = p->flow.destination_port;
    e->source_identity = direction == EGRESS ? own : d->peer;
    e->destination_identity = direction == EGRESS ? d->peer : own;
    e->endpoint_id = endpoint_id;
    e->direction = direction;
    e->verdict = d->verdict;
    e->protocol = p->flow.protocol;
    e->reason = d->reason;
    e->pad = 0;
    if (lg_events.ringbuf_output(e, sizeof(*e), 0))
        count(skb, REASON_EVENT_LOST, direction);
}

/* Drop a packet; of one flow one drop a second is reported, all are counted. */
static __always_inline int drop(struct __sk_buff *skb, struct packet *p, u8 direction, u8 reason,
                                u32 peer, u32 own, u32 endpoint_id) {
    struct decision d = { .verdict = DENY, .reason = reason, .peer = peer };
    u64 now = bpf_ktime_get_ns();
    count(skb, reason, direction);
    u64 *last = lg_reported.lookup(&p->flow);
    if (last && now - *last < SECOND)
        return TC_ACT_SHOT;
    lg_reported.update(&p->flow, &now);
    report(skb, p, direction, &d, own, endpoint_id);
    return TC_ACT_SHOT;
}
