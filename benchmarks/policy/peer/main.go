// Command peer runs Cilium's policy repository over the workload on its standard input and prints
// seconds, event by event, as one JSON object. The scope of an event is what the agent does until
// the map entries of every local endpoint are known: a policy is resolved anew for the identities
// it affects, a new identity is passed on to the endpoints as map changes.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	ipcachetypes "github.com/cilium/cilium/pkg/ipcache/types"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/spanstat"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	"github.com/cilium/cilium/pkg/u8proto"
)

type pod struct {
	Namespace string `json:"namespace"`
	App       string `json:"app"`
	Tier      string `json:"tier"`
}

type declared struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	App       string    `json:"app"`
	FromTier  [2]string `json:"from_tier"`
	FromApp   [2]string `json:"from_app"`
}

type workload struct {
	Teams       map[string]string `json:"teams"`
	Pods        []pod             `json:"pods"`
	Local       int               `json:"local"`
	Policies    []declared        `json:"policies"`
	NewPolicies []declared        `json:"new_policies"`
	NewPods     []pod             `json:"new_pods"`
	Relabelled  []string          `json:"relabelled"`
}

type owner struct{ id uint64 }

func (o owner) GetID() uint64                                     { return o.id }
func (o owner) GetNamedPort(bool, string, u8proto.U8proto) uint16 { return 0 }
func (o owner) PolicyDebug(string, ...any)                        {}
func (o owner) IsHost() bool                                      { return false }
func (o owner) MapStateSize() int                                 { return 0 }
func (o owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	return nil
}

type timings struct{}

func (timings) WaitingForPolicyRepository() *spanstat.SpanStat { return &spanstat.SpanStat{} }
func (timings) SelectorPolicyCalculation() *spanstat.SpanStat  { return &spanstat.SpanStat{} }

type node struct {
	log       *slog.Logger
	repo      *policy.Repository
	manager   identitymanager.IDManager
	teams     map[string]string
	numbers   map[pod]identity.NumericIdentity
	next      identity.NumericIdentity
	local     map[identity.NumericIdentity]*identity.Identity
	endpoints map[identity.NumericIdentity]*policy.EndpointPolicy
}

func (n *node) labelsOf(p pod) labels.Labels {
	found := labels.Labels{}
	for key, value := range map[string]string{
		"app": p.App, "tier": p.Tier,
		"io.kubernetes.pod.namespace":                                p.Namespace,
		"io.cilium.k8s.policy.serviceaccount":                        "default",
		"io.cilium.k8s.namespace.labels.team":                        n.teams[p.Namespace],
		"io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name": p.Namespace,
	} {
		found[key] = labels.NewLabel(key, value, labels.LabelSourceK8s)
	}
	return found
}

func (n *node) number(p pod) (identity.NumericIdentity, labels.LabelArray) {
	n.next++
	n.numbers[p] = n.next
	return n.next, n.labelsOf(p).LabelArray()
}

func (n *node) addLocal(number identity.NumericIdentity, p pod) {
	found := identity.NewIdentity(number, n.labelsOf(p))
	n.local[number] = found
	n.manager.Add(found)
}

func selector(namespace, key, value string) api.EndpointSelector {
	return api.NewESFromLabels(
		labels.ParseSelectLabel("k8s:io.kubernetes.pod.namespace="+namespace),
		labels.ParseSelectLabel("k8s:"+key+"="+value),
	)
}

func ruleOf(d declared) api.Rules {
	rule := &api.Rule{
		EndpointSelector: selector(d.Namespace, "app", d.App),
		Ingress: []api.IngressRule{{
			IngressCommonRule: api.IngressCommonRule{FromEndpoints: []api.EndpointSelector{
				selector(d.FromTier[0], "tier", d.FromTier[1]),
				selector(d.FromApp[0], "app", d.FromApp[1]),
			}},
			ToPorts: api.PortRules{{Ports: []api.PortProtocol{{Port: "80", Protocol: api.ProtoTCP}}}},
		}},
	}
	if err := rule.Sanitize(); err != nil {
		panic(err)
	}
	return api.Rules{rule}
}

func (n *node) addPolicy(d declared) []identity.NumericIdentity {
	resource := ipcachetypes.NewResourceID(ipcachetypes.ResourceKindCNP, d.Namespace, d.Name)
	affected, _, _ := n.repo.ReplaceByResource(ruleOf(d), resource)
	return affected.AsSlice()
}

func (n *node) resolve(number identity.NumericIdentity) {
	found, ok := n.local[number]
	if !ok {
		return
	}
	selected, _, err := n.repo.GetSelectorPolicy(found, 0, timings{}, uint64(number))
	if err != nil {
		panic(err)
	}
	if old := n.endpoints[number]; old != nil {
		old.Detach(n.log)
	}
	endpoint := selected.DistillPolicy(n.log, owner{uint64(number)}, nil)
	if err := endpoint.Ready(); err != nil {
		panic(err)
	}
	n.endpoints[number] = endpoint
}

func (n *node) update(added, deleted identity.IdentityMap) int {
	wait := &sync.WaitGroup{}
	n.repo.GetSelectorCache().UpdateIdentities(added, deleted, wait)
	wait.Wait()
	touched := 0
	for _, endpoint := range n.endpoints {
		closer, changes := endpoint.ConsumeMapChanges()
		touched += changes.Size()
		closer()
	}
	return touched
}

func (n *node) relabel(namespace string, pods []pod) {
	n.teams[namespace] = "moved"
	added, deleted := identity.IdentityMap{}, identity.IdentityMap{}
	var moved []identity.NumericIdentity
	for _, p := range pods {
		if p.Namespace != namespace {
			continue
		}
		old := n.numbers[p]
		number, array := n.number(p)
		added[number] = array
		if was, ok := n.local[old]; ok {
			n.addLocal(number, p)
			moved = append(moved, number)
			n.manager.Remove(was)
			n.endpoints[old].Detach(n.log)
			delete(n.endpoints, old)
			delete(n.local, old)
			deleted[old] = was.LabelArray
		} else {
			deleted[old] = array
		}
	}
	n.update(added, deleted)
	for _, number := range moved {
		n.resolve(number)
	}
}

func main() {
	var work workload
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		panic(err)
	}
	option.Config.EnablePolicy = option.DefaultEnforcement
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	n := &node{
		log:       slog.New(slog.NewTextHandler(io.Discard, nil)),
		teams:     work.Teams,
		numbers:   map[pod]identity.NumericIdentity{},
		next:      256,
		local:     map[identity.NumericIdentity]*identity.Identity{},
		endpoints: map[identity.NumericIdentity]*policy.EndpointPolicy{},
	}
	all := identity.IdentityMap{}
	for _, p := range work.Pods {
		number, array := n.number(p)
		all[number] = array
	}
	found := map[string]any{}
	start := time.Now()
	n.manager = identitymanager.NewIDManager(n.log)
	n.repo = policy.NewPolicyRepository(n.log, all, nil, nil, n.manager, testpolicy.NewPolicyMetricsNoop())
	for _, p := range work.Pods[:work.Local] {
		n.addLocal(n.numbers[p], p)
	}
	for _, d := range work.Policies {
		n.addPolicy(d)
	}
	entries := 0
	for number := range n.local {
		n.resolve(number)
		entries += n.endpoints[number].Len()
	}
	found["full"] = time.Since(start).Seconds()
	found["entries"] = entries
	events := map[string][]float64{}
	event := func(name string, change func()) {
		began := time.Now()
		change()
		events[name] = append(events[name], time.Since(began).Seconds())
	}
	for round := range work.NewPolicies {
		event("policy added", func() {
			for _, number := range n.addPolicy(work.NewPolicies[round]) {
				n.resolve(number)
			}
		})
		event("pod added", func() {
			number, array := n.number(work.NewPods[round])
			n.update(identity.IdentityMap{number: array}, nil)
		})
		event("namespace relabelled", func() { n.relabel(work.Relabelled[round], work.Pods) })
	}
	for name, seconds := range events {
		found[name] = seconds
	}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	found["peak_mib"] = float64(usage.Maxrss) / 1024
	line, _ := json.Marshal(found)
	fmt.Println(string(line))
}
