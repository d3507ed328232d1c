// Command xds-peer serves delta ADS on a Unix socket with go-control-plane, the resources being
// those our own server is measured with: a cluster, its endpoint and a virtual host for each host.
//
// Mode snapshot is the library's usual way, a SnapshotCache with every virtual host in one
// RouteConfiguration. Mode linear is the most incremental one it has, a LinearCache for each type
// with the virtual hosts spread over scoped RouteConfigurations, so that a change sends one shard.
//
// Changes are read from standard input, one a line; each is answered with one line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	lua "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/log"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	ingress     = "ingress"
	shardHeader = "x-lockgate-shard"
)

// shardScript picks the shard of a request as shardOf does; %d is the number of shards.
const shardScript = `
function envoy_on_request(handle)
  local headers = handle:headers()
  local authority = (headers:get(":authority") or ""):lower():gsub(":%%d+$", "")
  local hash = 0
  for position = 1, #authority do
    hash = (hash * 65599 + authority:byte(position)) %% 2147483647
  end
  headers:replace("x-lockgate-shard", string.format("%%d", hash %% %d))
  handle:clearRouteCache()
end
`

// shardOf stays below 2^48 in every step, which Lua's numbers hold exactly.
func shardOf(host string, shards int) int {
	hash := 0
	for position := range len(host) {
		hash = (hash*65599 + int(host[position])) % 2147483647
	}
	return hash % shards
}

func hostName(i int) string    { return fmt.Sprintf("h%05d.example.test", i) }
func clusterName(i int) string { return fmt.Sprintf("c%05d", i) }
func shardName(shard int) string {
	return ingress + "/" + strconv.Itoa(shard)
}

func pack(message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	if err != nil {
		panic(err)
	}
	return packed
}

func ads() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
}

func loopback(port int) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address:       "127.0.0.1",
		PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

func clusterOf(i int) *cluster.Cluster {
	return &cluster.Cluster{
		Name:                 clusterName(i),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: ads()},
		ConnectTimeout:       durationpb.New(5 * time.Second),
		LbPolicy:             cluster.Cluster_ROUND_ROBIN,
	}
}

func assignmentOf(i, port int) *endpoint.ClusterLoadAssignment {
	return &endpoint.ClusterLoadAssignment{
		ClusterName: clusterName(i),
		Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: []*endpoint.LbEndpoint{{
			HostIdentifier: &endpoint.LbEndpoint_Endpoint{
				Endpoint: &endpoint.Endpoint{Address: loopback(port)},
			},
		}}}},
	}
}

func virtualHostOf(i int, revision string) *route.VirtualHost {
	match := &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}}
	if revision != "" {
		match.PathSpecifier = &route.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/" + revision}
	}
	return &route.VirtualHost{
		Name:    hostName(i),
		Domains: []string{hostName(i)},
		Routes: []*route.Route{{
			Match: match,
			Action: &route.Route_Route{Route: &route.RouteAction{
				ClusterSpecifier: &route.RouteAction_Cluster{Cluster: clusterName(i)},
				Timeout:          durationpb.New(0),
			}},
		}},
	}
}

func scopeOf(shard int) *route.ScopedRouteConfiguration {
	return &route.ScopedRouteConfiguration{
		Name:                   shardName(shard),
		RouteConfigurationName: shardName(shard),
		Key: &route.ScopedRouteConfiguration_Key{
			Fragments: []*route.ScopedRouteConfiguration_Key_Fragment{{
				Type: &route.ScopedRouteConfiguration_Key_Fragment_StringKey{
					StringKey: strconv.Itoa(shard),
				},
			}},
		},
	}
}

func filter(name string, config proto.Message) *hcm.HttpFilter {
	return &hcm.HttpFilter{
		Name:       name,
		ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: pack(config)},
	}
}

func listenerOf(port int, manager *hcm.HttpConnectionManager) *listener.Listener {
	manager.StatPrefix = ingress
	manager.HttpFilters = append(manager.HttpFilters, filter("envoy.filters.http.router", &router.Router{}))
	return &listener.Listener{
		Name:    ingress + "/http",
		Address: loopback(port),
		FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listener.Filter_TypedConfig{TypedConfig: pack(manager)},
		}}}},
	}
}

func plainManager() *hcm.HttpConnectionManager {
	return &hcm.HttpConnectionManager{RouteSpecifier: &hcm.HttpConnectionManager_Rds{
		Rds: &hcm.Rds{ConfigSource: ads(), RouteConfigName: ingress},
	}}
}

func scopedManager(shards int) *hcm.HttpConnectionManager {
	// Without a separator the whole value is the element, and its index has to be 0.
	extractor := &hcm.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
		Name:        shardHeader,
		ExtractType: &hcm.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
	}
	fragment := &hcm.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{
		Type: &hcm.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
			HeaderValueExtractor: extractor,
		},
	}
	script := &lua.Lua{DefaultSourceCode: &core.DataSource{Specifier: &core.DataSource_InlineString{
		InlineString: fmt.Sprintf(shardScript, shards),
	}}}
	return &hcm.HttpConnectionManager{
		HttpFilters: []*hcm.HttpFilter{filter("envoy.filters.http.lua", script)},
		RouteSpecifier: &hcm.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcm.ScopedRoutes{
			Name: ingress,
			ScopeKeyBuilder: &hcm.ScopedRoutes_ScopeKeyBuilder{
				Fragments: []*hcm.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{fragment},
			},
			RdsConfigSource: ads(),
			ConfigSpecifier: &hcm.ScopedRoutes_ScopedRds{
				ScopedRds: &hcm.ScopedRds{ScopedRdsConfigSource: ads()},
			},
		}},
	}
}

// plane is one way to keep the resources; a method returns once the library has taken the change.
type plane interface {
	watcher() cache.Cache
	setRoute(i int, revision string) error
	setEndpoint(i, port int) error
}

type options struct {
	mode, socket, node               string
	hosts, shards, backend, httpPort int
}

// snapshotPlane keeps one snapshot, for one node. A change replaces the resources of one type and
// leaves the other types as they are; the library hashes all of them anew to tell what changed.
type snapshotPlane struct {
	cache        cache.SnapshotCache
	node         string
	version      int
	current      *cache.Snapshot
	assignments  []types.Resource
	virtualHosts []*route.VirtualHost
}

func newSnapshotPlane(o options, logger log.Logger) (*snapshotPlane, error) {
	p := &snapshotPlane{cache: cache.NewSnapshotCache(true, cache.IDHash{}, logger), node: o.node}
	clusters := make([]types.Resource, o.hosts)
	p.assignments = make([]types.Resource, o.hosts)
	p.virtualHosts = make([]*route.VirtualHost, o.hosts)
	for i := range o.hosts {
		clusters[i] = clusterOf(i)
		p.assignments[i] = assignmentOf(i, o.backend)
		p.virtualHosts[i] = virtualHostOf(i, "")
	}
	made, err := cache.NewSnapshot("0", map[resource.Type][]types.Resource{
		resource.ClusterType:  clusters,
		resource.EndpointType: p.assignments,
		resource.RouteType:    {p.routes()},
		resource.ListenerType: {listenerOf(o.httpPort, plainManager())},
	})
	if err != nil {
		return nil, err
	}
	if err := made.Consistent(); err != nil {
		return nil, err
	}
	p.current = made
	return p, p.cache.SetSnapshot(context.Background(), p.node, made)
}

// routes copies the list, as the library may still be encoding the RouteConfiguration before.
func (p *snapshotPlane) routes() *route.RouteConfiguration {
	return &route.RouteConfiguration{
		Name:         ingress,
		VirtualHosts: append([]*route.VirtualHost(nil), p.virtualHosts...),
	}
}

func (p *snapshotPlane) replace(kind types.ResponseType, resources []types.Resource) error {
	p.version++
	next := &cache.Snapshot{Resources: p.current.Resources}
	next.Resources[kind] = cache.NewResources(strconv.Itoa(p.version), resources)
	p.current = next
	return p.cache.SetSnapshot(context.Background(), p.node, next)
}

func (p *snapshotPlane) watcher() cache.Cache { return p.cache }

func (p *snapshotPlane) setRoute(i int, revision string) error {
	p.virtualHosts[i] = virtualHostOf(i, revision)
	return p.replace(types.Route, []types.Resource{p.routes()})
}

func (p *snapshotPlane) setEndpoint(i, port int) error {
	p.assignments[i] = assignmentOf(i, port)
	return p.replace(types.Endpoint, p.assignments)
}

// linearPlane keeps a cache for each type; a change touches one resource.
type linearPlane struct {
	mux               *cache.MuxCache
	endpoints, routes *cache.LinearCache
	shards            int
	virtualHosts      [][]*route.VirtualHost // by shard
	places            []int                  // of a host, within its shard
}

func newLinearPlane(o options, logger log.Logger) *linearPlane {
	p := &linearPlane{
		shards:       o.shards,
		virtualHosts: make([][]*route.VirtualHost, o.shards),
		places:       make([]int, o.hosts),
	}
	clusters := map[string]types.Resource{}
	assignments := map[string]types.Resource{}
	for i := range o.hosts {
		clusters[clusterName(i)] = clusterOf(i)
		assignments[clusterName(i)] = assignmentOf(i, o.backend)
		shard := shardOf(hostName(i), o.shards)
		p.places[i] = len(p.virtualHosts[shard])
		p.virtualHosts[shard] = append(p.virtualHosts[shard], virtualHostOf(i, ""))
	}
	routes, scopes := map[string]types.Resource{}, map[string]types.Resource{}
	for shard := range o.shards {
		routes[shardName(shard)] = p.routesOf(shard)
		scopes[shardName(shard)] = scopeOf(shard)
	}
	made := listenerOf(o.httpPort, scopedManager(o.shards))
	linear := func(kind string, resources map[string]types.Resource) *cache.LinearCache {
		return cache.NewLinearCache(kind, cache.WithInitialResources(resources), cache.WithLogger(logger))
	}
	p.endpoints = linear(resource.EndpointType, assignments)
	p.routes = linear(resource.RouteType, routes)
	p.mux = &cache.MuxCache{
		Classify:      func(request *cache.Request) string { return request.GetTypeUrl() },
		ClassifyDelta: func(request *cache.DeltaRequest) string { return request.GetTypeUrl() },
		Caches: map[string]cache.Cache{
			resource.ClusterType:     linear(resource.ClusterType, clusters),
			resource.EndpointType:    p.endpoints,
			resource.RouteType:       p.routes,
			resource.ScopedRouteType: linear(resource.ScopedRouteType, scopes),
			resource.ListenerType:    linear(resource.ListenerType, map[string]types.Resource{made.GetName(): made}),
		},
	}
	return p
}

// routesOf copies the list, as the library encodes a resource only when it is first sent.
func (p *linearPlane) routesOf(shard int) *route.RouteConfiguration {
	return &route.RouteConfiguration{
		Name:         shardName(shard),
		VirtualHosts: append([]*route.VirtualHost(nil), p.virtualHosts[shard]...),
	}
}

func (p *linearPlane) watcher() cache.Cache { return p.mux }

func (p *linearPlane) setRoute(i int, revision string) error {
	shard := shardOf(hostName(i), p.shards)
	p.virtualHosts[shard][p.places[i]] = virtualHostOf(i, revision)
	return p.routes.UpdateResource(shardName(shard), p.routesOf(shard))
}

func (p *linearPlane) setEndpoint(i, port int) error {
	return p.endpoints.UpdateResource(clusterName(i), assignmentOf(i, port))
}

// meter counts what leaves the server: encoded responses, without gRPC's five bytes before each.
type meter struct{ bytes, resources, nacks atomic.Int64 }

func (*meter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*meter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*meter) HandleConn(context.Context, stats.ConnStats)                       {}

func (m *meter) HandleRPC(_ context.Context, event stats.RPCStats) {
	sent, ok := event.(*stats.OutPayload)
	if !ok {
		return
	}
	m.bytes.Add(int64(sent.Length))
	if response, ok := sent.Payload.(*discovery.DeltaDiscoveryResponse); ok {
		m.resources.Add(int64(len(response.GetResources())))
	}
}

// refused reports what Envoy rejects: a measurement with a rejection in it is worth nothing.
func (m *meter) refused(_ int64, request *discovery.DeltaDiscoveryRequest) error {
	if detail := request.GetErrorDetail(); detail != nil {
		m.nacks.Add(1)
		fmt.Fprintln(os.Stderr, "rejected:", request.GetTypeUrl(), detail.GetMessage())
	}
	return nil
}

func (m *meter) figures() (map[string]any, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return nil, err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	mib := map[string]float64{}
	for _, line := range strings.Split(string(status), "\n") {
		if words := strings.Fields(line); len(words) == 3 && words[2] == "kB" {
			kib, _ := strconv.ParseFloat(words[1], 64)
			mib[words[0]] = kib / 1024
		}
	}
	return map[string]any{
		"cpu_s":          time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(),
		"rss_mib":        mib["VmRSS:"],
		"peak_rss_mib":   mib["VmHWM:"],
		"sent_bytes":     m.bytes.Load(),
		"sent_resources": m.resources.Load(),
		"nacks":          m.nacks.Load(),
	}, nil
}

func millis(since time.Time) float64 { return float64(time.Since(since)) / float64(time.Millisecond) }

// answer runs one command.
func answer(p plane, m *meter, o options, words []string) (map[string]any, error) {
	if len(words) == 1 && words[0] == "stats" {
		return m.figures()
	}
	if len(words) != 3 {
		return nil, errors.New("expected: route I REV, endpoint I PORT, stats or quit")
	}
	i, err := strconv.Atoi(words[1])
	if err != nil || i < 0 || i >= o.hosts {
		return nil, fmt.Errorf("no host %q", words[1])
	}
	start := time.Now()
	switch words[0] {
	case "route":
		err = p.setRoute(i, words[2])
	case "endpoint":
		port, wrong := strconv.ParseUint(words[2], 10, 16)
		if wrong != nil {
			return nil, wrong
		}
		err = p.setEndpoint(i, int(port))
	default:
		err = fmt.Errorf("no command %q", words[0])
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"ok": true, "update_ms": millis(start)}, nil
}

func run(o options) error {
	warn := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	logger := log.LoggerFuncs{WarnFunc: warn, ErrorFunc: warn}
	start := time.Now()
	var p plane
	switch o.mode {
	case "snapshot":
		made, err := newSnapshotPlane(o, logger)
		if err != nil {
			return err
		}
		p = made
	case "linear":
		p = newLinearPlane(o, logger)
	default:
		return fmt.Errorf("no mode %q", o.mode)
	}
	m := &meter{}
	if err := os.Remove(o.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	socket, err := net.Listen("unix", o.socket)
	if err != nil {
		return err
	}
	served := grpc.NewServer(grpc.StatsHandler(m))
	callbacks := server.CallbackFuncs{StreamDeltaRequestFunc: m.refused}
	discovery.RegisterAggregatedDiscoveryServiceServer(
		served, server.NewServer(context.Background(), p.watcher(), callbacks),
	)
	go func() {
		if err := served.Serve(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	defer served.Stop()
	// An Encoder writes each line at once: standard output has no buffer of its own.
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{"ready": true, "build_ms": millis(start)}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			return nil
		}
		found, err := answer(p, m, o, words)
		if err != nil {
			found = map[string]any{"ok": false, "error": err.Error()}
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	var o options
	flag.StringVar(&o.mode, "mode", "snapshot", "snapshot or linear")
	flag.StringVar(&o.socket, "socket", "", "path of the Unix socket to serve on")
	flag.IntVar(&o.hosts, "hosts", 1000, "number of hosts")
	flag.IntVar(&o.shards, "shards", 256, "number of route shards, in mode linear")
	flag.IntVar(&o.backend, "backend", 0, "loopback port of every endpoint")
	flag.IntVar(&o.httpPort, "http-port", 0, "loopback port of Envoy's listener")
	flag.StringVar(&o.node, "node", "", "Envoy's node ID, in mode snapshot")
	flag.Parse()
	incomplete := o.socket == "" || o.hosts < 1 || o.shards < 1 || o.backend < 1 || o.httpPort < 1
	// A snapshot belongs to a node: without its name Envoy would wait for ever.
	if incomplete || o.mode == "snapshot" && o.node == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
