/* tc programs on the host's side of a pod's veth, and on the hairpin device. */

static __always_inline int pass(struct __sk_buff *skb, u8 direction) {
    count(skb, REASON_FORWARDED, direction);
    return TC_ACT_OK;
}

static __always_inline int redirected(struct __sk_buff *skb, u8 direction) {
    count(skb, REASON_REDIRECTED, direction);
    return TC_ACT_OK;
}

/* Pass a packet on to where it goes; an answer to a translated connection is translated back. */
static __always_inline int send_on(struct __sk_buff *skb, struct packet *p,
                                   struct endpoint_ip *local, u8 translated) {
    count(skb, REASON_FORWARDED, EGRESS);
    if (translated && is_direct(skb, local))
        translate(skb, p, AT_POD_IN);
    return to_local_pod(skb, p, local);
}

/* Remember that a connection came in at a pod which the fast path leads past the program of. */
static __always_inline void remember_arrival(struct __sk_buff *skb, struct packet *p,
                                             struct endpoint *own, struct endpoint_ip *local,
                                             u8 translated) {
    struct decision arrival = { .verdict = ALLOW, .reason = REASON_FORWARDED };
    if (!is_direct(skb, local))
        return;
    p->key = p->flow;
    p->key.direction = INGRESS;
    arrival.peer = own->identity;
    remember(skb, p, &p->key, &arrival, local->endpoint_id, translated);
    report(skb, p, INGRESS, &arrival, local->identity, local->endpoint_id);
}

/* A Service that was not resolved at the socket: by a pod of another control group, or one whose
 * sidecar wants to see the Service. */
static __always_inline int to_service(struct __sk_buff *skb, struct packet *p, u8 *translated) {
    struct backend_value backend = {};
    struct nat_value *there = &p->there;
    if (is_echo(p) || p->is_error)
        return 0;
    if (translate(skb, p, AT_POD_OUT)) {
        *translated = 1;
        return 0;
    }
    struct service_value *service = find_service(&p->flow.destination, p->flow.destination_port,
                                                 p->flow.protocol, SCOPE_INTERNAL);
    if (!service)
        return 0;
    if (choose_backend(service, &p->flow.source, 0, bpf_get_prandom_u32(), &backend))
        return service->flags & SERVICE_SILENT ? -1 : 1;
    if (is_ipv4(&backend.address) != (p->family == 4))
        return 1;
    there->kind = KIND_SERVICE;
    there->source = p->flow.source;
    there->source_port = p->flow.source_port;
    there->destination = backend.address;
    there->destination_port = backend.port;
    add_nat(p, AT_POD_OUT, AT_POD_IN);
    rewrite(skb, p, there);
    *translated = 1;
    return 0;
}

static __always_inline int open_egress(struct __sk_buff *skb, struct packet *p,
                                       struct endpoint *own, u8 translated) {
    struct decision d = {};
    struct endpoint_ip *local = lg_endpoint_ips.lookup(&p->flow.destination);
    judge_egress(&p->flow, p->policy_port, own, local, &d);
    if (d.verdict == DENY)
        return drop(skb, p, EGRESS, d.reason, d.peer, own->identity, own->endpoint_id);
    if (d.verdict == ALLOW && host_denies(skb, p, own->identity, d.peer))
        return TC_ACT_SHOT;
    if (d.verdict == REDIRECT) {
        int failed = -1;
        if (p->flow.protocol == IPPROTO_TCP)
            failed = to_proxy(skb, p, d.egress_class, d.ingress_class);
        else if (p->flow.protocol == IPPROTO_UDP)
            failed = assign_datagram(skb, p, d.egress_class, d.ingress_class);
        if (failed)
            return drop(skb, p, EGRESS, p->opens ? REASON_NO_PROXY : REASON_NO_SOCKET, d.peer,
                        own->identity, own->endpoint_id);
    }
    remember(skb, p, &p->flow, &d, own->endpoint_id, translated);
    report(skb, p, EGRESS, &d, own->identity, own->endpoint_id);
    if (d.verdict == REDIRECT)
        return redirected(skb, EGRESS);
    remember_arrival(skb, p, own, local, translated);
    return send_on(skb, p, local, 0);
}

/* A packet of a connection that began here. */
static __always_inline int go_on(struct __sk_buff *skb, struct packet *p, struct endpoint *own,
                                 struct flow_value *value, int *verdict) {
    renew_egress(&p->flow, value, own);
    if (value->verdict == ALLOW) {
        *verdict = send_on(skb, p, lg_endpoint_ips.lookup(&p->flow.destination), 0);
        return 1;
    }
    if (value->verdict == REDIRECT && p->flow.protocol == IPPROTO_UDP &&
        assign_datagram(skb, p, value->egress_class, value->ingress_class) == 0) {
        *verdict = redirected(skb, EGRESS);
        return 1;
    }
    if (p->flow.protocol != IPPROTO_TCP)
        return 0;
    if (value->verdict == REDIRECT && assign_connection(skb, p) == 0)
        *verdict = redirected(skb, EGRESS);
    else
        *verdict = drop(skb, p, EGRESS,
                        value->verdict == DENY ? REASON_POLICY_CHANGED : REASON_NO_SOCKET,
                        value->peer, own->identity, own->endpoint_id);
    return 1;
}

/* A packet of a connection that is known, by its own address or as an answer; 0 if it is none. */
static __always_inline int judge_known(struct __sk_buff *skb, struct packet *p,
                                       struct endpoint *own, int *verdict) {
    reverse(&p->back, &p->flow, INGRESS);
    struct flow_value *value = recall(skb, p, &p->back);
    if (value && value->granted == ALLOW) {
        renew_ingress(&p->back, value, own->endpoint_id, own->flags);
        if (value->verdict == ALLOW) {
            *verdict = send_on(skb, p, lg_endpoint_ips.lookup(&p->flow.destination),
                               value->translated);
            return 1;
        }
        if (p->flow.protocol == IPPROTO_TCP) {
            *verdict = drop(skb, p, EGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                            own->endpoint_id);
            return 1;
        }
    }
    value = recall(skb, p, &p->flow);
    return value ? go_on(skb, p, own, value, verdict) : 0;
}

static __always_inline int judge_from_pod(struct __sk_buff *skb, struct packet *p,
                                          struct endpoint *own) {
    u8 translated = 0;
    int verdict = 0;
    if (!p->opens && judge_known(skb, p, own, &verdict))
        return verdict;
    int missing = to_service(skb, p, &translated);
    if (missing)
        return missing > 0 ? refuse_packet(skb, p, EGRESS)
                           : drop(skb, p, EGRESS, REASON_NO_BACKEND, 0, own->identity,
                                  own->endpoint_id);
    if (translated && !p->opens) {
        struct flow_value *value = recall(skb, p, &p->flow);
        if (value && go_on(skb, p, own, value, &verdict))
            return verdict;
    }
    if (!p->opens && p->flow.protocol == IPPROTO_TCP && assign_connection(skb, p) == 0)
        return redirected(skb, EGRESS);
    return open_egress(skb, p, own, translated);
}

static __always_inline int is_spoofed(struct packet *p, struct endpoint *own) {
    if (p->family == 4)
        return !same_address(&p->flow.source, &own->ipv4);
    /* A pod without an IPv6 address has none to send from, ``::`` neither. */
    return !own->ipv6.words[0] || !same_address(&p->flow.source, &own->ipv6);
}

/* Housekeeping between the pod and its link, or the host, which is its router. */
static __always_inline int is_neighbours(struct packet *p, int invalid, const struct address *other) {
    return invalid == NEIGHBOUR && !p->is_fragment &&
           (is_on_link(&p->flow.destination) || is_on_link(other) ||
            identity_of(other) == IDENTITY_HOST);
}

int from_pod(struct __sk_buff *skb) {
    u32 ifindex = skb->ifindex;
    struct packet *p = clear_packet(FROM_POD);
    struct endpoint *own = lg_endpoints.lookup(&ifindex);
    if (!own || !p) {
        count(skb, REASON_NO_ENDPOINT, EGRESS);
        return TC_ACT_SHOT;
    }
    int invalid = parse(skb, EGRESS, p);
    if ((invalid == NOT_IP && is_arp(skb)) || is_neighbours(p, invalid, &p->flow.destination))
        return TC_ACT_OK;
    if (invalid && invalid != NEIGHBOUR)
        return drop(skb, p, EGRESS, invalid == NOT_IP ? REASON_INVALID : invalid, 0,
                    own->identity, own->endpoint_id);
    if (is_spoofed(p, own))
        return drop(skb, p, EGRESS, REASON_SPOOFED, 0, own->identity, own->endpoint_id);
    if (p->is_error && is_error_of_ends(p) && is_error_of_known(p))
        return pass(skb, EGRESS);
    return judge_from_pod(skb, p, own);
}

/* Back into the host's stack through a device where a socket can be assigned. */
static __always_inline int to_hairpin(struct __sk_buff *skb, struct packet *p,
                                      struct endpoint *own, u32 peer) {
    u32 zero = 0;
    struct hairpin *device = lg_hairpin.lookup(&zero);
    if (!device || !device->ifindex)
        return drop(skb, p, INGRESS, REASON_NO_PROXY, peer, own->identity, own->endpoint_id);
    u8 mac[6];
    __builtin_memcpy(mac, device->mac, sizeof(mac));
    u32 ifindex = device->ifindex;
    /* Without the device's own address the stack takes the packet for someone else's. */
    bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
    count(skb, REASON_REDIRECTED, INGRESS);
    return bpf_redirect(ifindex, BPF_F_INGRESS);
}

static __always_inline int open_ingress(struct __sk_buff *skb, struct packet *p,
                                        struct endpoint *own) {
    struct decision d = {};
    u32 peer = (skb->mark & MARK_MASK) == MARK_INGRESS ? IDENTITY_INGRESS
                                                       : identity_of(&p->flow.source);
    judge_ingress(&p->flow, p->policy_port, own->endpoint_id, own->flags, peer, &d);
    if (d.verdict == DENY)
        return drop(skb, p, INGRESS, d.reason, peer, own->identity, own->endpoint_id);
    if (d.verdict == REDIRECT && p->flow.protocol != IPPROTO_TCP)
        return drop(skb, p, INGRESS, REASON_NO_PROXY, peer, own->identity, own->endpoint_id);
    remember(skb, p, &p->flow, &d, own->endpoint_id, 0);
    report(skb, p, INGRESS, &d, own->identity, own->endpoint_id);
    return d.verdict == REDIRECT ? to_hairpin(skb, p, own, peer) : pass(skb, INGRESS);
}

static __always_inline int judge_to_pod(struct __sk_buff *skb, struct packet *p,
                                        struct endpoint *own) {
    struct flow_value *value;
    if (p->opens)
        return open_ingress(skb, p, own);
    reverse(&p->back, &p->flow, EGRESS);
    value = recall(skb, p, &p->back);
    if (value && value->granted == ALLOW) {
        renew_egress(&p->back, value, own);
        if (value->verdict == ALLOW) {
            if (value->translated)
                translate(skb, p, AT_POD_IN);
            return pass(skb, INGRESS);
        }
        if (p->flow.protocol == IPPROTO_TCP)
            return drop(skb, p, INGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                        own->endpoint_id);
    }
    value = recall(skb, p, &p->flow);
    if (!value && p->flow.protocol == IPPROTO_TCP && is_for_proxy(skb, p))
        return to_hairpin(skb, p, own, 0);
    if (!value)
        return open_ingress(skb, p, own);
    renew_ingress(&p->flow, value, own->endpoint_id, own->flags);
    if (value->verdict == ALLOW)
        return pass(skb, INGRESS);
    if (value->verdict == REDIRECT)
        return to_hairpin(skb, p, own, value->peer);
    if (p->flow.protocol == IPPROTO_TCP)
        return drop(skb, p, INGRESS, REASON_POLICY_CHANGED, value->peer, own->identity,
                    own->endpoint_id);
    return open_ingress(skb, p, own);
}

int to_pod(struct __sk_buff *skb) {
    u32 ifindex = skb->ifindex;
    u32 mark = skb->mark & MARK_MASK;
    struct packet *p = clear_packet(TO_POD);
    struct endpoint *own = lg_endpoints.lookup(&ifindex);
    if (!own || !p) {
        count(skb, REASON_NO_ENDPOINT, INGRESS);
        return TC_ACT_SHOT;
    }
    int invalid = parse(skb, INGRESS, p);
    if ((invalid == NOT_IP && is_arp(skb)) || is_neighbours(p, invalid, &p->flow.source))
        return TC_ACT_OK;
    if (invalid == NEIGHBOUR)
        invalid = 0;
    if (mark == MARK_PROXY_REPLY || mark == MARK_PROXY_DONE) {
        if (mark == MARK_PROXY_REPLY && !invalid)
            translate(skb, p, AT_POD_IN);
        return pass(skb, INGRESS);
    }
    if (invalid)
        return drop(skb, p, INGRESS, invalid == NOT_IP ? REASON_INVALID : invalid, 0,
                    own->identity, own->endpoint_id);
    if (p->is_error && is_error_for(p) && is_error_of_known(p)) {
        translate(skb, p, AT_POD_IN);
        return pass(skb, INGRESS);
    }
    return judge_to_pod(skb, p, own);
}

/* tc ingress of the hairpin device: what to_pod sent here is known to the table,
 * or to the proxy. */
int hairpin(struct __sk_buff *skb) {
    struct packet *p = clear_packet(HAIRPIN);
    if (!p || parse(skb, INGRESS, p))
        return TC_ACT_SHOT;
    struct flow_value *value = recall(skb, p, &p->flow);
    if (!value && p->flow.protocol == IPPROTO_TCP && assign_connection(skb, p) == 0)
        return TC_ACT_OK;
    if (!value || value->verdict != REDIRECT)
        return TC_ACT_SHOT;
    if (to_proxy(skb, p, 0, value->ingress_class))
        return drop(skb, p, INGRESS, p->opens ? REASON_NO_PROXY : REASON_NO_SOCKET, value->peer,
                    0, value->endpoint_id);
    return TC_ACT_OK;
}
