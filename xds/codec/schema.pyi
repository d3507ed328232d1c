"""Types of the dictionaries that Envoy's messages are built from; written by xds.codec.stubs."""

import collections.abc
import typing

import google.protobuf.message

# Not every sequence of strings: a single string is one too.
_Strings: typing.TypeAlias = list[str] | tuple[str, ...]

class AbstractType(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Type.AbstractType``"""

    name: str
    parameter_types: collections.abc.Sequence[Type]

class AccessLog(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.AccessLog``"""

    name: str
    filter: AccessLogFilter
    typed_config: Any

class AccessLogCommon(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.AccessLogCommon``"""

    sample_rate: float
    downstream_remote_address: Address
    downstream_local_address: Address
    tls_properties: TLSProperties
    start_time: Timestamp
    time_to_last_rx_byte: Duration
    time_to_first_upstream_tx_byte: Duration
    time_to_last_upstream_tx_byte: Duration
    time_to_first_upstream_rx_byte: Duration
    time_to_last_upstream_rx_byte: Duration
    time_to_first_downstream_tx_byte: Duration
    time_to_last_downstream_tx_byte: Duration
    upstream_remote_address: Address
    upstream_local_address: Address
    upstream_cluster: str
    response_flags: ResponseFlags
    metadata: Metadata
    upstream_transport_failure_reason: str
    route_name: str
    downstream_direct_remote_address: Address
    filter_state_objects: collections.abc.Mapping[str, Any]
    custom_tags: collections.abc.Mapping[str, str]
    duration: Duration
    upstream_request_attempt_count: int
    connection_termination_details: str
    stream_id: str
    intermediate_log_entry: bool
    downstream_transport_failure_reason: str
    downstream_wire_bytes_sent: int
    downstream_wire_bytes_received: int
    upstream_wire_bytes_sent: int
    upstream_wire_bytes_received: int
    access_log_type: AccessLogType

class AccessLogFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.AccessLogFilter``"""

    status_code_filter: StatusCodeFilter
    duration_filter: DurationFilter
    not_health_check_filter: NotHealthCheckFilter
    traceable_filter: TraceableFilter
    runtime_filter: RuntimeFilter
    and_filter: AndFilter
    or_filter: OrFilter
    header_filter: HeaderFilter
    response_flag_filter: ResponseFlagFilter
    grpc_status_filter: GrpcStatusFilter
    extension_filter: ExtensionFilter
    metadata_filter: MetadataFilter
    log_type_filter: LogTypeFilter

# envoy.data.accesslog.v3.AccessLogType
AccessLogType: typing.TypeAlias = typing.Literal[
    "NotSet",
    "TcpUpstreamConnected",
    "TcpPeriodic",
    "TcpConnectionEnd",
    "DownstreamStart",
    "DownstreamPeriodic",
    "DownstreamEnd",
    "UpstreamPoolReady",
    "UpstreamPeriodic",
    "UpstreamEnd",
    "DownstreamTunnelSuccessfullyEstablished",
    "UdpTunnelUpstreamConnected",
    "UdpPeriodic",
    "UdpSessionEnd",
    "TcpConnectionStart",
]

class Action(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action``"""

    source_cluster: SourceCluster
    destination_cluster: DestinationCluster
    request_headers: RequestHeaders
    remote_address: RemoteAddress
    generic_key: GenericKey
    header_value_match: HeaderValueMatch
    dynamic_metadata: DynamicMetaData
    metadata: MetaData
    extension: TypedExtensionConfig
    masked_remote_address: MaskedRemoteAddress
    query_parameter_value_match: QueryParameterValueMatch
    query_parameters: QueryParameters
    remote_address_match: RemoteAddressMatch

class AdditionalAddress(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.AdditionalAddress``"""

    address: Address
    socket_options: SocketOptionsOverride
    tcp_keepalive: TcpKeepalive

class Address(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Address``"""

    socket_address: SocketAddress
    pipe: Pipe
    envoy_internal_address: EnvoyInternalAddress

class AddressMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.AddressMatcher``"""

    ranges: collections.abc.Sequence[CoreCidrRange]
    invert_match: bool

class Admin(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Admin``"""

    access_log_path: str
    profile_path: str
    address: Address
    socket_options: collections.abc.Sequence[SocketOption]
    access_log: collections.abc.Sequence[AccessLog]
    ignore_global_conn_limit: bool
    allow_paths: collections.abc.Sequence[StringMatcher]

class AdminLayer(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer``"""

class AggregatedConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.AggregatedConfigSource``"""

class AlternateProtocolsCacheEntry(typing.TypedDict, total=False):
    """``envoy.config.core.v3.AlternateProtocolsCacheOptions.AlternateProtocolsCacheEntry``"""

    hostname: str
    port: int

class AlternateProtocolsCacheOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.AlternateProtocolsCacheOptions``"""

    name: str
    max_entries: UInt32Value
    key_value_store_config: TypedExtensionConfig
    prepopulated_entries: collections.abc.Sequence[AlternateProtocolsCacheEntry]
    canonical_suffixes: _Strings

class AndFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.AndFilter``"""

    filters: collections.abc.Sequence[AccessLogFilter]

class Any(typing.TypedDict, total=False):
    """``google.protobuf.Any``"""

    type_url: str
    value: bytes

class ApiConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ApiConfigSource``"""

    api_type: ApiType
    cluster_names: _Strings
    refresh_delay: Duration
    grpc_services: collections.abc.Sequence[GrpcService]
    request_timeout: Duration
    rate_limit_settings: RateLimitSettings
    set_node_on_first_message_only: bool
    transport_api_version: ApiVersion
    config_validators: collections.abc.Sequence[TypedExtensionConfig]

class ApiListener(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.ApiListener``"""

    api_listener: Any

# envoy.config.core.v3.ApiConfigSource.ApiType
ApiType: typing.TypeAlias = typing.Literal[
    "DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE",
    "REST",
    "GRPC",
    "DELTA_GRPC",
    "AGGREGATED_GRPC",
    "AGGREGATED_DELTA_GRPC",
]

# envoy.config.core.v3.ApiVersion
ApiVersion: typing.TypeAlias = typing.Literal["AUTO", "V2", "V3"]

class ApplicationLogConfig(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig``"""

    log_format: LogFormat

class AuditLoggerConfig(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.RBAC.AuditLoggingOptions.AuditLoggerConfig``"""

    audit_logger: TypedExtensionConfig
    is_optional: bool

class AuditLoggingOptions(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.RBAC.AuditLoggingOptions``"""

    audit_condition: RbacAuditLoggingOptionsAuditCondition
    logger_configs: collections.abc.Sequence[AuditLoggerConfig]

class Authenticated(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Principal.Authenticated``"""

    principal_name: StringMatcher

class Authority(typing.TypedDict, total=False):
    """``xds.core.v3.Authority``"""

    name: str

class AuthorizationRequest(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest``"""

    allowed_headers: ListStringMatcher
    headers_to_add: collections.abc.Sequence[HeaderValue]

class AuthorizationResponse(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.AuthorizationResponse``"""

    allowed_upstream_headers: ListStringMatcher
    allowed_client_headers: ListStringMatcher
    allowed_upstream_headers_to_append: ListStringMatcher
    allowed_client_headers_on_success: ListStringMatcher
    dynamic_metadata_from_headers: ListStringMatcher

class AutoHttpConfig(typing.TypedDict, total=False):
    """``envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig``"""

    http_protocol_options: Http1ProtocolOptions
    http2_protocol_options: Http2ProtocolOptions
    http3_protocol_options: Http3ProtocolOptions
    alternate_protocols_cache_options: AlternateProtocolsCacheOptions

class BackoffStrategy(typing.TypedDict, total=False):
    """``envoy.config.core.v3.BackoffStrategy``"""

    base_interval: Duration
    max_interval: Duration

class BasicAuth(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.basic_auth.v3.BasicAuth``"""

    users: DataSource
    forward_username_header: str
    authentication_header: str
    allow_missing: bool
    emit_dynamic_metadata: bool

class BasicAuthPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute``"""

    users: DataSource

class BindConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.BindConfig``"""

    source_address: SocketAddress
    freebind: BoolValue
    socket_options: collections.abc.Sequence[SocketOption]
    additional_source_addresses: collections.abc.Sequence[SocketAddress]
    extra_source_addresses: collections.abc.Sequence[ExtraSourceAddress]
    local_address_selector: TypedExtensionConfig

class BoolValue(typing.TypedDict, total=False):
    """``google.protobuf.BoolValue``"""

    value: bool

class Bootstrap(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap``"""

    node: Node
    static_resources: StaticResources
    dynamic_resources: DynamicResources
    cluster_manager: ClusterManager
    flags_path: str
    stats_sinks: collections.abc.Sequence[StatsSink]
    stats_flush_interval: Duration
    watchdog: Watchdog
    tracing: TraceTracing
    admin: Admin
    stats_config: StatsConfig
    hds_config: ApiConfigSource
    overload_manager: OverloadManager
    enable_dispatcher_stats: bool
    layered_runtime: LayeredRuntime
    header_prefix: str
    stats_server_version_override: UInt64Value
    use_tcp_for_dns_lookups: bool
    bootstrap_extensions: collections.abc.Sequence[TypedExtensionConfig]
    config_sources: collections.abc.Sequence[ConfigSource]
    default_config_source: ConfigSource
    default_socket_interface: str
    certificate_provider_instances: collections.abc.Mapping[str, TypedExtensionConfig]
    node_context_params: _Strings
    watchdogs: Watchdogs
    fatal_actions: collections.abc.Sequence[FatalAction]
    stats_flush_on_admin: bool
    dns_resolution_config: DnsResolutionConfig
    typed_dns_resolver_config: TypedExtensionConfig
    inline_headers: collections.abc.Sequence[CustomInlineHeader]
    perf_tracing_file_path: str
    default_regex_engine: TypedExtensionConfig
    xds_delegate_extension: TypedExtensionConfig
    xds_config_tracker_extension: TypedExtensionConfig
    listener_manager: TypedExtensionConfig
    application_log_config: ApplicationLogConfig
    deferred_stat_options: DeferredStatOptions
    grpc_async_client_manager_config: GrpcAsyncClientManagerConfig
    memory_allocator_manager: MemoryAllocatorManager
    stats_eviction_interval: Duration
    enable_worker_cpu_affinity: bool

class Brotli(typing.TypedDict, total=False):
    """``envoy.extensions.compression.brotli.compressor.v3.Brotli``"""

    quality: UInt32Value
    encoder_mode: EncoderMode
    window_bits: UInt32Value
    input_block_bits: UInt32Value
    chunk_size: UInt32Value
    disable_literal_context_modeling: bool

class Buffer(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.buffer.v3.Buffer``"""

    max_request_bytes: UInt32Value

class BufferFactoryConfig(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.BufferFactoryConfig``"""

    minimum_account_to_track_power_of_two: int

class BufferPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.buffer.v3.BufferPerRoute``"""

    disabled: bool
    buffer: Buffer

class BufferSettings(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.BufferSettings``"""

    max_request_bytes: int
    allow_partial_message: bool
    pack_as_bytes: bool

class BuildVersion(typing.TypedDict, total=False):
    """``envoy.config.core.v3.BuildVersion``"""

    version: SemanticVersion
    metadata: google.protobuf.message.Message

class BytesValue(typing.TypedDict, total=False):
    """``google.protobuf.BytesValue``"""

    value: bytes

class CacheControl(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.Resource.CacheControl``"""

    do_not_cache: bool

class Call(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.Call``"""

    target: Expr
    function: str
    args: collections.abc.Sequence[Expr]

class CallCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials``"""

    access_token: str
    google_compute_engine: Empty
    google_refresh_token: str
    service_account_jwt_access: ServiceAccountJWTAccessCredentials
    google_iam: GoogleIAMCredentials
    from_plugin: MetadataCredentialsFromPlugin
    sts_service: StsService

class CelExpressionConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.CelExpressionConfig``"""

    enable_string_conversion: bool
    enable_string_concat: bool
    enable_string_functions: bool

class CertificateProperties(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.TLSProperties.CertificateProperties``"""

    subject_alt_name: collections.abc.Sequence[SubjectAltName]
    subject: str
    issuer: str

class CertificateProvider(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CertificateProvider``"""

    name: str
    typed_config: TypedExtensionConfig

class CertificateProviderInstance(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CertificateProviderInstance``"""

    instance_name: str
    certificate_name: str

class CertificateProviderPluginInstance(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CertificateProviderPluginInstance``"""

    instance_name: str
    certificate_name: str

class CertificateValidationContext(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext``"""

    trusted_ca: DataSource
    verify_certificate_hash: _Strings
    verify_certificate_spki: _Strings
    require_signed_certificate_timestamp: BoolValue
    crl: DataSource
    allow_expired_certificate: bool
    match_subject_alt_names: collections.abc.Sequence[StringMatcher]
    trust_chain_verification: TrustChainVerification
    watched_directory: WatchedDirectory
    custom_validator_config: TypedExtensionConfig
    ca_certificate_provider_instance: CertificateProviderPluginInstance
    only_verify_leaf_cert_crl: bool
    match_typed_subject_alt_names: collections.abc.Sequence[SubjectAltNameMatcher]
    max_verify_depth: UInt32Value
    system_root_certs: SystemRootCerts
    suppress_client_ca_list: bool

class ChannelArgs(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs``"""

    args: collections.abc.Mapping[str, Value]

class ChannelCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelCredentials``"""

    ssl_credentials: SslCredentials
    google_default: Empty
    local_credentials: GoogleLocalCredentials

class CheckSettings(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.CheckSettings``"""

    context_extensions: collections.abc.Mapping[str, str]
    disable_request_body_buffering: bool
    with_request_body: BufferSettings
    grpc_service: GrpcService
    http_service: HttpService

class CheckedExpr(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.CheckedExpr``"""

    reference_map: collections.abc.Mapping[int, Reference]
    type_map: collections.abc.Mapping[int, Type]
    expr: Expr
    source_info: SourceInfo
    expr_version: str

class CidrRange(typing.TypedDict, total=False):
    """``envoy.config.core.v3.CidrRange``"""

    address_prefix: str
    prefix_len: UInt32Value

class CircuitBreakers(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.CircuitBreakers``"""

    thresholds: collections.abc.Sequence[Thresholds]
    per_host_thresholds: collections.abc.Sequence[Thresholds]

class Cluster(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster``"""

    name: str
    type: DiscoveryType
    eds_cluster_config: EdsClusterConfig
    connect_timeout: Duration
    per_connection_buffer_limit_bytes: UInt32Value
    lb_policy: LbPolicy
    health_checks: collections.abc.Sequence[HealthCheck]
    max_requests_per_connection: UInt32Value
    circuit_breakers: CircuitBreakers
    http_protocol_options: Http1ProtocolOptions
    http2_protocol_options: Http2ProtocolOptions
    dns_refresh_rate: Duration
    dns_lookup_family: ClusterDnsLookupFamily
    dns_resolvers: collections.abc.Sequence[Address]
    outlier_detection: OutlierDetection
    cleanup_interval: Duration
    upstream_bind_config: BindConfig
    lb_subset_config: LbSubsetConfig
    ring_hash_lb_config: RingHashLbConfig
    transport_socket: TransportSocket
    metadata: Metadata
    protocol_selection: ClusterProtocolSelection
    common_lb_config: CommonLbConfig
    alt_stat_name: str
    common_http_protocol_options: CoreHttpProtocolOptions
    upstream_connection_options: UpstreamConnectionOptions
    close_connections_on_host_health_failure: bool
    ignore_health_on_host_removal: bool
    load_assignment: ClusterLoadAssignment
    original_dst_lb_config: OriginalDstLbConfig
    typed_extension_protocol_options: collections.abc.Mapping[str, Any]
    least_request_lb_config: LeastRequestLbConfig
    cluster_type: CustomClusterType
    respect_dns_ttl: bool
    filters: collections.abc.Sequence[ClusterFilter]
    load_balancing_policy: LoadBalancingPolicy
    lrs_server: ConfigSource
    transport_socket_matches: collections.abc.Sequence[TransportSocketMatch]
    dns_failure_refresh_rate: ClusterRefreshRate
    use_tcp_for_dns_lookups: bool
    upstream_http_protocol_options: UpstreamHttpProtocolOptions
    track_timeout_budgets: bool
    upstream_config: TypedExtensionConfig
    track_cluster_stats: TrackClusterStats
    preconnect_policy: PreconnectPolicy
    connection_pool_per_downstream_connection: bool
    maglev_lb_config: MaglevLbConfig
    dns_resolution_config: DnsResolutionConfig
    wait_for_warm_on_init: BoolValue
    typed_dns_resolver_config: TypedExtensionConfig
    round_robin_lb_config: RoundRobinLbConfig
    lrs_report_endpoint_metrics: _Strings
    dns_jitter: Duration
    transport_socket_matcher: MatcherMatcher
    per_connection_buffer_high_watermark_timeout: Duration

# envoy.config.cluster.v3.Cluster.DnsLookupFamily
ClusterDnsLookupFamily: typing.TypeAlias = typing.Literal[
    "AUTO",
    "V4_ONLY",
    "V6_ONLY",
    "V4_PREFERRED",
    "ALL",
]

class ClusterFilter(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Filter``"""

    name: str
    typed_config: Any
    config_discovery: ExtensionConfigSource

class ClusterLoadAssignment(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment``"""

    cluster_name: str
    endpoints: collections.abc.Sequence[LocalityLbEndpoints]
    policy: ClusterLoadAssignmentPolicy
    named_endpoints: collections.abc.Mapping[str, Endpoint]

class ClusterLoadAssignmentPolicy(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment.Policy``"""

    drop_overloads: collections.abc.Sequence[DropOverload]
    overprovisioning_factor: UInt32Value
    endpoint_stale_after: Duration
    weighted_priority_health: bool

class ClusterManager(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.ClusterManager``"""

    local_cluster_name: str
    outlier_detection: ClusterManagerOutlierDetection
    upstream_bind_config: BindConfig
    load_stats_config: ApiConfigSource
    enable_deferred_cluster_creation: bool

class ClusterManagerOutlierDetection(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.ClusterManager.OutlierDetection``"""

    event_log_path: str
    event_service: EventServiceConfig

# envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode
ClusterNotFoundResponseCode: typing.TypeAlias = typing.Literal[
    "SERVICE_UNAVAILABLE",
    "NOT_FOUND",
    "INTERNAL_SERVER_ERROR",
]

# envoy.config.cluster.v3.Cluster.ClusterProtocolSelection
ClusterProtocolSelection: typing.TypeAlias = typing.Literal[
    "USE_CONFIGURED_PROTOCOL",
    "USE_DOWNSTREAM_PROTOCOL",
]

class ClusterRefreshRate(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.RefreshRate``"""

    base_interval: Duration
    max_interval: Duration

class ClusterSpecifierPlugin(typing.TypedDict, total=False):
    """``envoy.config.route.v3.ClusterSpecifierPlugin``"""

    extension: TypedExtensionConfig
    is_optional: bool

# envoy.type.v3.CodecClientType
CodecClientType: typing.TypeAlias = typing.Literal["HTTP1", "HTTP2", "HTTP3"]

# envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType
CodecType: typing.TypeAlias = typing.Literal["AUTO", "HTTP1", "HTTP2", "HTTP3"]

class CombinedCertificateValidationContext(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext``"""

    default_validation_context: CertificateValidationContext
    validation_context_sds_secret_config: SdsSecretConfig
    validation_context_certificate_provider: CertificateProvider
    validation_context_certificate_provider_instance: CertificateProviderInstance

class CommonDirectionConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.Compressor.CommonDirectionConfig``"""

    enabled: RuntimeFeatureFlag
    min_content_length: UInt32Value
    content_type: _Strings

class CommonGrpcAccessLogConfig(typing.TypedDict, total=False):
    """``envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig``"""

    log_name: str
    grpc_service: GrpcService
    buffer_flush_interval: Duration
    buffer_size_bytes: UInt32Value
    filter_state_objects_to_log: _Strings
    transport_api_version: ApiVersion
    grpc_stream_retry_policy: CoreRetryPolicy
    custom_tags: collections.abc.Sequence[CustomTag]

class CommonLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig``"""

    healthy_panic_threshold: Percent
    zone_aware_lb_config: ZoneAwareLbConfig
    locality_weighted_lb_config: LocalityWeightedLbConfig
    update_merge_window: Duration
    ignore_new_hosts_until_first_hc: bool
    close_connections_on_host_set_change: bool
    consistent_hashing_lb_config: ConsistentHashingLbConfig
    override_host_status: HealthStatusSet

class CommonTlsContext(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CommonTlsContext``"""

    tls_params: TlsParameters
    tls_certificates: collections.abc.Sequence[TlsCertificate]
    validation_context: CertificateValidationContext
    alpn_protocols: _Strings
    tls_certificate_sds_secret_configs: collections.abc.Sequence[SdsSecretConfig]
    validation_context_sds_secret_config: SdsSecretConfig
    combined_validation_context: CombinedCertificateValidationContext
    tls_certificate_certificate_provider: CertificateProvider
    validation_context_certificate_provider: CertificateProvider
    tls_certificate_certificate_provider_instance: CertificateProviderInstance
    validation_context_certificate_provider_instance: CertificateProviderInstance
    custom_handshaker: TypedExtensionConfig
    tls_certificate_provider_instance: CertificateProviderPluginInstance
    key_log: TlsKeyLog
    custom_tls_certificate_selector: TypedExtensionConfig

class ComparisonFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.ComparisonFilter``"""

    op: Op
    value: RuntimeUInt32

# envoy.extensions.transport_sockets.tls.v3.TlsParameters.CompliancePolicy
CompliancePolicy: typing.TypeAlias = typing.Literal["FIPS_202205", "CNSA2_202603", "CNSA1_202603"]

# google.api.expr.v1alpha1.SourceInfo.Extension.Component
Component: typing.TypeAlias = typing.Literal[
    "COMPONENT_UNSPECIFIED",
    "COMPONENT_PARSER",
    "COMPONENT_TYPE_CHECKER",
    "COMPONENT_RUNTIME",
]

class Composite(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.composite.v3.Composite``"""

    named_filter_chains: collections.abc.Mapping[str, FilterChainConfiguration]
    matcher: MatcherMatcher

class Comprehension(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.Comprehension``"""

    iter_var: str
    iter_range: Expr
    accu_var: str
    accu_init: Expr
    loop_condition: Expr
    loop_step: Expr
    result: Expr
    iter_var2: str

# envoy.extensions.compression.gzip.compressor.v3.Gzip.CompressionLevel
CompressionLevel: typing.TypeAlias = typing.Literal[
    "DEFAULT_COMPRESSION",
    "BEST_SPEED",
    "COMPRESSION_LEVEL_2",
    "COMPRESSION_LEVEL_3",
    "COMPRESSION_LEVEL_4",
    "COMPRESSION_LEVEL_5",
    "COMPRESSION_LEVEL_6",
    "COMPRESSION_LEVEL_7",
    "COMPRESSION_LEVEL_8",
    "COMPRESSION_LEVEL_9",
]

# envoy.extensions.compression.gzip.compressor.v3.Gzip.CompressionStrategy
CompressionStrategy: typing.TypeAlias = typing.Literal[
    "DEFAULT_STRATEGY",
    "FILTERED",
    "HUFFMAN_ONLY",
    "RLE",
    "FIXED",
]

class Compressor(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.Compressor``"""

    content_length: UInt32Value
    content_type: _Strings
    disable_on_etag_header: bool
    remove_accept_encoding_header: bool
    runtime_enabled: RuntimeFeatureFlag
    compressor_library: TypedExtensionConfig
    request_direction_config: RequestDirectionConfig
    response_direction_config: ResponseDirectionConfig
    choose_first: bool

class CompressorOverrides(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.CompressorOverrides``"""

    response_direction_config: ResponseDirectionOverrides
    compressor_library: TypedExtensionConfig

class CompressorPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.CompressorPerRoute``"""

    disabled: bool
    overrides: CompressorOverrides

class ConfigListenerFilter(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Filter``"""

    name: str
    typed_config: Any
    config_discovery: ExtensionConfigSource

class ConfigRbacRBAC(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.RBAC``"""

    action: RbacAction
    policies: collections.abc.Mapping[str, Policy]
    audit_logging_options: AuditLoggingOptions

class ConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ConfigSource``"""

    path: str
    api_config_source: ApiConfigSource
    ads: AggregatedConfigSource
    initial_fetch_timeout: Duration
    self: SelfConfigSource
    resource_api_version: ApiVersion
    authorities: collections.abc.Sequence[Authority]
    path_config_source: PathConfigSource

class ConnectConfig(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig``"""

    proxy_protocol_config: ProxyProtocolConfig
    allow_post: bool

class ConnectMatcher(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteMatch.ConnectMatcher``"""

class ConnectionBalanceConfig(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.ConnectionBalanceConfig``"""

    exact_balance: ExactBalance
    extend_balance: TypedExtensionConfig
    cpu_locality_balance: CpuLocalityBalance

class ConnectionLimit(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit``"""

    stat_prefix: str
    max_connections: UInt64Value
    delay: Duration
    runtime_enabled: RuntimeFeatureFlag

class ConnectionMigrationSettings(typing.TypedDict, total=False):
    """``envoy.config.core.v3.QuicProtocolOptions.ConnectionMigrationSettings``"""

    migrate_idle_connections: MigrateIdleConnectionSettings
    max_time_on_non_default_network: Duration

class ConnectionProperties(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.ConnectionProperties``"""

    received_bytes: int
    sent_bytes: int

# envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType
ConnectionSourceType: typing.TypeAlias = typing.Literal["ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"]

class ConsistentHashingLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig``"""

    use_hostname_for_hashing: bool
    hash_balance_factor: UInt32Value

class Constant(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Constant``"""

    null_value: NullValue
    bool_value: bool
    int64_value: int
    uint64_value: int
    double_value: float
    string_value: str
    bytes_value: bytes
    duration_value: Duration
    timestamp_value: Timestamp

class ConstraintList(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DynamicParameterConstraints.ConstraintList``"""

    constraints: collections.abc.Sequence[DynamicParameterConstraints]

class ContextParams(typing.TypedDict, total=False):
    """``xds.core.v3.ContextParams``"""

    params: collections.abc.Mapping[str, str]

class ControlPlane(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ControlPlane``"""

    identifier: str

class Cookie(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.Cookie``"""

    name: str
    ttl: Duration
    path: str
    attributes: collections.abc.Sequence[CookieAttribute]

class CookieAttribute(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute``"""

    name: str
    value: str

class CookieMatcher(typing.TypedDict, total=False):
    """``envoy.config.route.v3.CookieMatcher``"""

    name: str
    string_match: StringMatcher
    invert_match: bool

class CoreCidrRange(typing.TypedDict, total=False):
    """``xds.core.v3.CidrRange``"""

    address_prefix: str
    prefix_len: UInt32Value

class CoreHttpProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HttpProtocolOptions``"""

    idle_timeout: Duration
    max_headers_count: UInt32Value
    max_connection_duration: Duration
    max_stream_duration: Duration
    headers_with_underscores_action: HeadersWithUnderscoresAction
    max_requests_per_connection: UInt32Value
    max_response_headers_kb: UInt32Value
    max_connection_duration_jitter: Percent

class CoreQuicProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.QuicProtocolOptions``"""

    max_concurrent_streams: UInt32Value
    initial_stream_window_size: UInt32Value
    initial_connection_window_size: UInt32Value
    num_timeouts_to_trigger_port_migration: UInt32Value
    connection_keepalive: QuicKeepAliveSettings
    connection_options: str
    client_connection_options: str
    idle_network_timeout: Duration
    max_packet_length: UInt64Value
    client_packet_writer: TypedExtensionConfig
    connection_migration: ConnectionMigrationSettings
    memory_reduction_timeout: Duration
    enable_scone: BoolValue

class CoreRetryPolicy(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RetryPolicy``"""

    retry_back_off: BackoffStrategy
    num_retries: UInt32Value
    retry_on: str
    retry_priority: CoreRetryPolicyRetryPriority
    retry_host_predicate: collections.abc.Sequence[CoreRetryPolicyRetryHostPredicate]
    host_selection_retry_max_attempts: int

class CoreRetryPolicyRetryHostPredicate(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RetryPolicy.RetryHostPredicate``"""

    name: str
    typed_config: Any

class CoreRetryPolicyRetryPriority(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RetryPolicy.RetryPriority``"""

    name: str
    typed_config: Any

class CoreTypedExtensionConfig(typing.TypedDict, total=False):
    """``xds.core.v3.TypedExtensionConfig``"""

    name: str
    typed_config: Any

class Cors(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.cors.v3.Cors``"""

class CorsCorsPolicy(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.cors.v3.CorsPolicy``"""

    allow_origin_string_match: collections.abc.Sequence[StringMatcher]
    allow_methods: str
    allow_headers: str
    expose_headers: str
    max_age: str
    allow_credentials: BoolValue
    filter_enabled: RuntimeFractionalPercent
    shadow_enabled: RuntimeFractionalPercent
    allow_private_network_access: BoolValue
    forward_not_matching_preflights: BoolValue

class CpuLocalityBalance(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.ConnectionBalanceConfig.CpuLocalityBalance``"""

class CreateList(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.CreateList``"""

    elements: collections.abc.Sequence[Expr]
    optional_indices: collections.abc.Sequence[int]

class CreateStruct(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.CreateStruct``"""

    message_name: str
    entries: collections.abc.Sequence[CreateStructEntry]

class CreateStructEntry(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.CreateStruct.Entry``"""

    id: int
    field_key: str
    map_key: Expr
    value: Expr
    optional_entry: bool

class CustomClusterType(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.CustomClusterType``"""

    name: str
    typed_config: Any

class CustomHealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.CustomHealthCheck``"""

    name: str
    typed_config: Any

class CustomInlineHeader(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.CustomInlineHeader``"""

    inline_header_name: str
    inline_header_type: InlineHeaderType

class CustomResponse(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.custom_response.v3.CustomResponse``"""

    custom_response_matcher: MatcherMatcher

class CustomTag(typing.TypedDict, total=False):
    """``envoy.type.tracing.v3.CustomTag``"""

    tag: str
    literal: Literal
    environment: Environment
    request_header: CustomTagHeader
    metadata: CustomTagMetadata
    value: str

class CustomTagHeader(typing.TypedDict, total=False):
    """``envoy.type.tracing.v3.CustomTag.Header``"""

    name: str
    default_value: str

class CustomTagMetadata(typing.TypedDict, total=False):
    """``envoy.type.tracing.v3.CustomTag.Metadata``"""

    kind: MetadataKind
    metadata_key: MetadataKey
    default_value: str

class DataSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.DataSource``"""

    filename: str
    inline_bytes: bytes
    inline_string: str
    environment_variable: str
    watched_directory: WatchedDirectory

class Datagram(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketOption.SocketType.Datagram``"""

class Decorator(typing.TypedDict, total=False):
    """``envoy.config.route.v3.Decorator``"""

    operation: str
    propagate: BoolValue

class DeferredStatOptions(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.DeferredStatOptions``"""

    enable_deferred_creation_stats: bool

class DeltaDiscoveryRequest(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DeltaDiscoveryRequest``"""

    node: Node
    type_url: str
    resource_names_subscribe: _Strings
    resource_names_unsubscribe: _Strings
    initial_resource_versions: collections.abc.Mapping[str, str]
    response_nonce: str
    error_detail: Status
    resource_locators_subscribe: collections.abc.Sequence[ResourceLocator]
    resource_locators_unsubscribe: collections.abc.Sequence[ResourceLocator]

class DeltaDiscoveryResponse(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DeltaDiscoveryResponse``"""

    system_version_info: str
    resources: collections.abc.Sequence[Resource]
    type_url: str
    nonce: str
    removed_resources: _Strings
    control_plane: ControlPlane
    removed_resource_names: collections.abc.Sequence[ResourceName]
    resource_errors: collections.abc.Sequence[ResourceError]

# envoy.type.v3.FractionalPercent.DenominatorType
DenominatorType: typing.TypeAlias = typing.Literal["HUNDRED", "TEN_THOUSAND", "MILLION"]

class DeprecatedV1(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.DeprecatedV1``"""

    bind_to_port: BoolValue

class DestinationCluster(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.DestinationCluster``"""

class DirectResponseAction(typing.TypedDict, total=False):
    """``envoy.config.route.v3.DirectResponseAction``"""

    status: int
    body: DataSource
    body_format: SubstitutionFormatString

class DiscoveryRequest(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DiscoveryRequest``"""

    version_info: str
    node: Node
    resource_names: _Strings
    type_url: str
    response_nonce: str
    error_detail: Status
    resource_locators: collections.abc.Sequence[ResourceLocator]

class DiscoveryResponse(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DiscoveryResponse``"""

    version_info: str
    resources: collections.abc.Sequence[Any]
    canary: bool
    type_url: str
    nonce: str
    control_plane: ControlPlane
    resource_errors: collections.abc.Sequence[ResourceError]

# envoy.config.cluster.v3.Cluster.DiscoveryType
DiscoveryType: typing.TypeAlias = typing.Literal[
    "STATIC",
    "STRICT_DNS",
    "LOGICAL_DNS",
    "EDS",
    "ORIGINAL_DST",
]

class DiskLayer(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.RuntimeLayer.DiskLayer``"""

    symlink_root: str
    append_service_cluster: bool
    subdirectory: str

class DnsCluster(typing.TypedDict, total=False):
    """``envoy.extensions.clusters.dns.v3.DnsCluster``"""

    dns_refresh_rate: Duration
    dns_failure_refresh_rate: DnsClusterRefreshRate
    respect_dns_ttl: bool
    dns_jitter: Duration
    typed_dns_resolver_config: TypedExtensionConfig
    dns_lookup_family: DnsLookupFamily
    all_addresses_in_single_endpoint: bool
    dns_min_refresh_rate: Duration

class DnsClusterRefreshRate(typing.TypedDict, total=False):
    """``envoy.extensions.clusters.dns.v3.DnsCluster.RefreshRate``"""

    base_interval: Duration
    max_interval: Duration

# envoy.extensions.clusters.common.dns.v3.DnsLookupFamily
DnsLookupFamily: typing.TypeAlias = typing.Literal[
    "UNSPECIFIED",
    "AUTO",
    "V4_ONLY",
    "V6_ONLY",
    "V4_PREFERRED",
    "ALL",
]

class DnsResolutionConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.DnsResolutionConfig``"""

    resolvers: collections.abc.Sequence[Address]
    dns_resolver_options: DnsResolverOptions

class DnsResolverOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.DnsResolverOptions``"""

    use_tcp_for_dns_lookups: bool
    no_default_search_domain: bool

class DoubleMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.DoubleMatcher``"""

    range: DoubleRange
    exact: float

class DoubleRange(typing.TypedDict, total=False):
    """``envoy.type.v3.DoubleRange``"""

    start: float
    end: float

class DoubleValue(typing.TypedDict, total=False):
    """``google.protobuf.DoubleValue``"""

    value: float

class DownstreamTlsContext(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext``"""

    common_tls_context: CommonTlsContext
    require_client_certificate: BoolValue
    require_sni: BoolValue
    session_ticket_keys: TlsSessionTicketKeys
    session_ticket_keys_sds_secret_config: SdsSecretConfig
    session_timeout: Duration
    disable_stateless_session_resumption: bool
    ocsp_staple_policy: OcspStaplePolicy
    full_scan_certs_on_sni_mismatch: BoolValue
    disable_stateful_session_resumption: bool
    prefer_client_ciphers: bool

# envoy.config.listener.v3.Listener.DrainType
DrainType: typing.TypeAlias = typing.Literal["DEFAULT", "MODIFY_ONLY"]

class DropOverload(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload``"""

    category: str
    drop_percentage: FractionalPercent

class Duration(typing.TypedDict, total=False):
    """``google.protobuf.Duration``"""

    seconds: int
    nanos: int

class DurationFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.DurationFilter``"""

    comparison: ComparisonFilter

class DynamicConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.composite.v3.DynamicConfig``"""

    name: str
    config_discovery: ExtensionConfigSource

class DynamicMetaData(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.DynamicMetaData``"""

    descriptor_key: str
    metadata_key: MetadataKey
    default_value: str

class DynamicMetadata(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Override.DynamicMetadata``"""

    metadata_key: MetadataKey

class DynamicParameterConstraints(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DynamicParameterConstraints``"""

    constraint: SingleConstraint
    or_constraints: ConstraintList
    and_constraints: ConstraintList
    not_constraints: DynamicParameterConstraints

class DynamicResources(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.DynamicResources``"""

    lds_config: ConfigSource
    cds_config: ConfigSource
    ads_config: ApiConfigSource
    lds_resources_locator: str
    cds_resources_locator: str

class EarlyHeaderMutationHeaderMutationHeaderMutation(typing.TypedDict, total=False):
    """``envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation``"""

    mutations: collections.abc.Sequence[MutationRulesHeaderMutation]

class EdsClusterConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.EdsClusterConfig``"""

    eds_config: ConfigSource
    service_name: str

class Empty(typing.TypedDict, total=False):
    """``google.protobuf.Empty``"""

# envoy.extensions.compression.brotli.compressor.v3.Brotli.EncoderMode
EncoderMode: typing.TypeAlias = typing.Literal["DEFAULT", "GENERIC", "TEXT", "FONT"]

class Endpoint(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.Endpoint``"""

    address: Address
    health_check_config: HealthCheckConfig
    hostname: str
    additional_addresses: collections.abc.Sequence[EndpointAdditionalAddress]
    observability_name: str

class EndpointAdditionalAddress(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.Endpoint.AdditionalAddress``"""

    address: Address

class Entry(typing.TypedDict, total=False):
    """``envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry``"""

    key: str
    value: str

class Environment(typing.TypedDict, total=False):
    """``envoy.type.tracing.v3.CustomTag.Environment``"""

    name: str
    default_value: str

class EnvoyGrpc(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.EnvoyGrpc``"""

    cluster_name: str
    authority: str
    retry_policy: CoreRetryPolicy
    max_receive_message_length: UInt32Value
    skip_envoy_headers: bool

class EnvoyInternalAddress(typing.TypedDict, total=False):
    """``envoy.config.core.v3.EnvoyInternalAddress``"""

    server_listener_name: str
    endpoint_id: str

class EventServiceConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.EventServiceConfig``"""

    grpc_service: GrpcService

class ExactBalance(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance``"""

class ExecuteFilterAction(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.composite.v3.ExecuteFilterAction``"""

    typed_config: TypedExtensionConfig
    dynamic_config: DynamicConfig
    sample_percent: RuntimeFractionalPercent
    filter_chain: FilterChainConfiguration
    filter_chain_name: str

class Exists(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DynamicParameterConstraints.SingleConstraint.Exists``"""

class ExplicitHttpConfig(typing.TypedDict, total=False):
    """``envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig``"""

    http_protocol_options: Http1ProtocolOptions
    http2_protocol_options: Http2ProtocolOptions
    http3_protocol_options: Http3ProtocolOptions

class Expr(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr``"""

    id: int
    const_expr: Constant
    ident_expr: Ident
    select_expr: Select
    call_expr: Call
    list_expr: CreateList
    struct_expr: CreateStruct
    comprehension_expr: Comprehension

class ExtAuthz(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.ExtAuthz``"""

    grpc_service: GrpcService
    failure_mode_allow: bool
    http_service: HttpService
    with_request_body: BufferSettings
    clear_route_cache: bool
    status_on_error: HttpStatus
    metadata_context_namespaces: _Strings
    filter_enabled: RuntimeFractionalPercent
    include_peer_certificate: bool
    deny_at_disable: RuntimeFeatureFlag
    transport_api_version: ApiVersion
    stat_prefix: str
    filter_enabled_metadata: MetadataMatcher
    bootstrap_metadata_labels_key: str
    typed_metadata_context_namespaces: _Strings
    allowed_headers: ListStringMatcher
    include_tls_session: bool
    failure_mode_allow_header_add: bool
    charge_cluster_response_stats: BoolValue
    route_metadata_context_namespaces: _Strings
    route_typed_metadata_context_namespaces: _Strings
    encode_raw_headers: bool
    validate_mutations: bool
    disallowed_headers: ListStringMatcher
    decoder_header_mutation_rules: HeaderMutationRules
    enable_dynamic_metadata_ingestion: BoolValue
    filter_metadata: google.protobuf.message.Message
    emit_filter_state_stats: bool
    max_denied_response_body_bytes: int
    enforce_response_header_limits: bool
    shadow_mode: bool

class ExtAuthzPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute``"""

    disabled: bool
    check_settings: CheckSettings

class Extension(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Extension``"""

    name: str
    category: str
    type_descriptor: str
    version: BuildVersion
    disabled: bool
    type_urls: _Strings

class ExtensionConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ExtensionConfigSource``"""

    config_source: ConfigSource
    default_config: Any
    apply_default_config_without_warming: bool
    type_urls: _Strings

class ExtensionFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.ExtensionFilter``"""

    name: str
    typed_config: Any

class ExtensionVersion(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.SourceInfo.Extension.Version``"""

    major: int
    minor: int

class ExtensionWithMatcher(typing.TypedDict, total=False):
    """``envoy.extensions.common.matching.v3.ExtensionWithMatcher``"""

    matcher: Matcher
    extension_config: TypedExtensionConfig
    xds_matcher: MatcherMatcher

class ExtensionWithMatcherPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute``"""

    xds_matcher: MatcherMatcher

class ExtraSourceAddress(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ExtraSourceAddress``"""

    address: SocketAddress
    socket_options: SocketOptionsOverride

class ExtractOnlyWithoutValidation(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.ExtractOnlyWithoutValidation``"""

    verification_status_header: str

class FatalAction(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.FatalAction``"""

    config: TypedExtensionConfig

class FcdsConfig(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.FcdsConfig``"""

    name: str
    config_source: ConfigSource

class FieldMatcher(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherList.FieldMatcher``"""

    predicate: Predicate
    on_match: OnMatch

class FileAccessLog(typing.TypedDict, total=False):
    """``envoy.extensions.access_loggers.file.v3.FileAccessLog``"""

    path: str
    format: str
    json_format: google.protobuf.message.Message
    typed_json_format: google.protobuf.message.Message
    log_format: SubstitutionFormatString

class FilterAction(typing.TypedDict, total=False):
    """``envoy.config.route.v3.FilterAction``"""

    action: Any

class FilterChain(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.FilterChain``"""

    filter_chain_match: FilterChainMatch
    filters: collections.abc.Sequence[ConfigListenerFilter]
    use_proxy_proto: BoolValue
    metadata: Metadata
    transport_socket: TransportSocket
    name: str
    transport_socket_connect_timeout: Duration

class FilterChainConfiguration(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.composite.v3.FilterChainConfiguration``"""

    typed_config: collections.abc.Sequence[TypedExtensionConfig]

class FilterChainMatch(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.FilterChainMatch``"""

    prefix_ranges: collections.abc.Sequence[CidrRange]
    address_suffix: str
    suffix_len: UInt32Value
    source_prefix_ranges: collections.abc.Sequence[CidrRange]
    source_ports: collections.abc.Sequence[int]
    destination_port: UInt32Value
    transport_protocol: str
    application_protocols: _Strings
    server_names: _Strings
    source_type: ConnectionSourceType
    direct_source_prefix_ranges: collections.abc.Sequence[CidrRange]

class FilterStateMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.FilterStateMatcher``"""

    key: str
    string_match: StringMatcher
    address_match: AddressMatcher

class FilterStateRule(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.FilterStateRule``"""

    name: str
    requires: collections.abc.Mapping[str, JwtRequirement]

# envoy.config.cluster.v3.UpstreamConnectionOptions.FirstAddressFamilyVersion
FirstAddressFamilyVersion: typing.TypeAlias = typing.Literal[
    "DEFAULT",
    "V4",
    "V6",
    "PIPE",
    "INTERNAL",
]

class FloatValue(typing.TypedDict, total=False):
    """``google.protobuf.FloatValue``"""

    value: float

# envoy.config.route.v3.RetryPolicy.ResetHeader.Format
Format: typing.TypeAlias = typing.Literal["SECONDS", "UNIX_TIMESTAMP"]

class ForwardClientCertConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertConfig``"""

    forward_client_cert_details: ForwardClientCertDetails
    set_current_client_cert_details: SetCurrentClientCertDetails

# envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails
ForwardClientCertDetails: typing.TypeAlias = typing.Literal[
    "SANITIZE",
    "FORWARD_ONLY",
    "APPEND_FORWARD",
    "SANITIZE_SET",
    "ALWAYS_FORWARD_ONLY",
]

# envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertFormat
ForwardClientCertFormat: typing.TypeAlias = typing.Literal["TEXT", "JSON"]

class ForwardProtoConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ForwardProtoConfig``"""

    https_destination_ports: collections.abc.Sequence[int]
    http_destination_ports: collections.abc.Sequence[int]

class FractionalPercent(typing.TypedDict, total=False):
    """``envoy.type.v3.FractionalPercent``"""

    numerator: int
    denominator: DenominatorType

class Fragment(typing.TypedDict, total=False):
    """``envoy.config.route.v3.ScopedRouteConfiguration.Key.Fragment``"""

    string_key: str

class FragmentBuilder(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder``"""

    header_value_extractor: HeaderValueExtractor

class FunctionType(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Type.FunctionType``"""

    result_type: Type
    arg_types: collections.abc.Sequence[Type]

class GenericKey(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.GenericKey``"""

    descriptor_value: str
    descriptor_key: str
    default_value: str

class GenericSecret(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.GenericSecret``"""

    secret: DataSource
    secrets: collections.abc.Mapping[str, DataSource]

class GenericTextMatch(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.HttpGenericBodyMatch.GenericTextMatch``"""

    string_match: str
    binary_match: bytes

class GoogleGrpc(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc``"""

    target_uri: str
    channel_credentials: ChannelCredentials
    call_credentials: collections.abc.Sequence[CallCredentials]
    stat_prefix: str
    credentials_factory_name: str
    config: google.protobuf.message.Message
    per_stream_buffer_limit_bytes: UInt32Value
    channel_args: ChannelArgs
    channel_credentials_plugin: collections.abc.Sequence[Any]
    call_credentials_plugin: collections.abc.Sequence[Any]

class GoogleIAMCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials``"""

    authorization_token: str
    authority_selector: str

class GoogleLocalCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.GoogleLocalCredentials``"""

class GoogleRE2(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.RegexMatcher.GoogleRE2``"""

    max_program_size: UInt32Value

class GrpcAsyncClientManagerConfig(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.GrpcAsyncClientManagerConfig``"""

    max_cached_entry_idle_duration: Duration

class GrpcHealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.GrpcHealthCheck``"""

    service_name: str
    authority: str
    initial_metadata: collections.abc.Sequence[HeaderValueOption]

class GrpcRouteMatchOptions(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions``"""

class GrpcService(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService``"""

    envoy_grpc: EnvoyGrpc
    google_grpc: GoogleGrpc
    timeout: Duration
    initial_metadata: collections.abc.Sequence[HeaderValue]
    retry_policy: CoreRetryPolicy

class GrpcStatusFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.GrpcStatusFilter``"""

    statuses: collections.abc.Sequence[GrpcStatusFilterStatus]
    exclude: bool

# envoy.config.accesslog.v3.GrpcStatusFilter.Status
GrpcStatusFilterStatus: typing.TypeAlias = typing.Literal[
    "OK",
    "CANCELED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]

class Gzip(typing.TypedDict, total=False):
    """``envoy.extensions.compression.gzip.compressor.v3.Gzip``"""

    memory_level: UInt32Value
    compression_level: CompressionLevel
    compression_strategy: CompressionStrategy
    window_bits: UInt32Value
    chunk_size: UInt32Value

class HTTPAccessLogEntries(typing.TypedDict, total=False):
    """``envoy.service.accesslog.v3.StreamAccessLogsMessage.HTTPAccessLogEntries``"""

    log_entry: collections.abc.Sequence[HTTPAccessLogEntry]

class HTTPAccessLogEntry(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.HTTPAccessLogEntry``"""

    common_properties: AccessLogCommon
    protocol_version: HttpAccessLogEntryHttpVersion
    request: HTTPRequestProperties
    response: HTTPResponseProperties

class HTTPRequestProperties(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.HTTPRequestProperties``"""

    request_method: RequestMethod
    scheme: str
    authority: str
    port: UInt32Value
    path: str
    user_agent: str
    referer: str
    forwarded_for: str
    request_id: str
    original_path: str
    request_headers_bytes: int
    request_body_bytes: int
    request_headers: collections.abc.Mapping[str, str]
    upstream_header_bytes_sent: int
    downstream_header_bytes_received: int

class HTTPResponseProperties(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.HTTPResponseProperties``"""

    response_code: UInt32Value
    response_headers_bytes: int
    response_body_bytes: int
    response_headers: collections.abc.Mapping[str, str]
    response_trailers: collections.abc.Mapping[str, str]
    response_code_details: str
    upstream_header_bytes_received: int
    downstream_header_bytes_sent: int

class HappyEyeballsConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig``"""

    first_address_family_version: FirstAddressFamilyVersion
    first_address_family_count: UInt32Value

# envoy.config.cluster.v3.Cluster.RingHashLbConfig.HashFunction
HashFunction: typing.TypeAlias = typing.Literal["XX_HASH", "MURMUR_HASH_2"]

class HashPolicy(typing.TypedDict, total=False):
    """``envoy.type.v3.HashPolicy``"""

    source_ip: SourceIp
    filter_state: TypeHashPolicyFilterState

class HashPolicyConnectionProperties(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties``"""

    source_ip: bool

class HashPolicyHeader(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.Header``"""

    header_name: str
    regex_rewrite: RegexMatchAndSubstitute

class HcmAccessLogOptions(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions``"""

    access_log_flush_interval: Duration
    flush_access_log_on_new_request: bool
    flush_log_on_tunnel_successfully_established: bool

# envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
HeaderAppendAction: typing.TypeAlias = typing.Literal[
    "APPEND_IF_EXISTS_OR_ADD",
    "ADD_IF_ABSENT",
    "OVERWRITE_IF_EXISTS_OR_ADD",
    "OVERWRITE_IF_EXISTS",
]

class HeaderFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.HeaderFilter``"""

    header: HeaderMatcher

class HeaderKeyFormat(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat``"""

    proper_case_words: ProperCaseWords
    stateful_formatter: TypedExtensionConfig

class HeaderMatcher(typing.TypedDict, total=False):
    """``envoy.config.route.v3.HeaderMatcher``"""

    name: str
    exact_match: str
    range_match: Int64Range
    present_match: bool
    invert_match: bool
    prefix_match: str
    suffix_match: str
    safe_regex_match: RegexMatcher
    contains_match: str
    string_match: StringMatcher
    treat_missing_header_as_empty: bool

class HeaderMutationRules(typing.TypedDict, total=False):
    """``envoy.config.common.mutation_rules.v3.HeaderMutationRules``"""

    allow_all_routing: BoolValue
    allow_envoy: BoolValue
    disallow_system: BoolValue
    disallow_all: BoolValue
    allow_expression: RegexMatcher
    disallow_expression: RegexMatcher
    disallow_is_error: BoolValue

class HeaderValue(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HeaderValue``"""

    key: str
    value: str
    raw_value: bytes

class HeaderValueExtractor(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor``"""

    name: str
    element_separator: str
    index: int
    element: KvElement

class HeaderValueMatch(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.HeaderValueMatch``"""

    descriptor_value: str
    expect_match: BoolValue
    headers: collections.abc.Sequence[HeaderMatcher]
    descriptor_key: str
    default_value: str

class HeaderValueOption(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HeaderValueOption``"""

    header: HeaderValue
    append: BoolValue
    append_action: HeaderAppendAction
    keep_empty_value: bool

# envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction
HeadersWithUnderscoresAction: typing.TypeAlias = typing.Literal[
    "ALLOW",
    "REJECT_REQUEST",
    "DROP_HEADER",
]

class HealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck``"""

    timeout: Duration
    interval: Duration
    interval_jitter: Duration
    unhealthy_threshold: UInt32Value
    healthy_threshold: UInt32Value
    alt_port: UInt32Value
    reuse_connection: BoolValue
    http_health_check: HttpHealthCheck
    tcp_health_check: TcpHealthCheck
    grpc_health_check: GrpcHealthCheck
    no_traffic_interval: Duration
    custom_health_check: CustomHealthCheck
    unhealthy_interval: Duration
    unhealthy_edge_interval: Duration
    healthy_edge_interval: Duration
    event_log_path: str
    interval_jitter_percent: int
    always_log_health_check_failures: bool
    initial_jitter: Duration
    tls_options: TlsOptions
    event_service: EventServiceConfig
    transport_socket_match_criteria: google.protobuf.message.Message
    no_traffic_healthy_interval: Duration
    event_logger: collections.abc.Sequence[TypedExtensionConfig]
    always_log_health_check_success: bool

class HealthCheckConfig(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.Endpoint.HealthCheckConfig``"""

    port_value: int
    hostname: str
    address: Address
    disable_active_health_check: bool

# envoy.config.core.v3.HealthStatus
HealthStatus: typing.TypeAlias = typing.Literal[
    "UNKNOWN",
    "HEALTHY",
    "UNHEALTHY",
    "DRAINING",
    "TIMEOUT",
    "DEGRADED",
]

class HealthStatusSet(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthStatusSet``"""

    statuses: collections.abc.Sequence[HealthStatus]

class HedgePolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.HedgePolicy``"""

    initial_requests: UInt32Value
    additional_request_chance: FractionalPercent
    hedge_on_per_try_timeout: bool

class HistogramBucketSettings(typing.TypedDict, total=False):
    """``envoy.config.metrics.v3.HistogramBucketSettings``"""

    match: StringMatcher
    buckets: collections.abc.Sequence[float]
    bins: UInt32Value

class HitsAddend(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.HitsAddend``"""

    number: UInt64Value
    format: str
    is_negative_hits: bool

class Host(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKind.Host``"""

class Http(typing.TypedDict, total=False):
    """``envoy.config.trace.v3.Tracing.Http``"""

    name: str
    typed_config: Any

class Http1ProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http1ProtocolOptions``"""

    allow_absolute_url: BoolValue
    accept_http_10: bool
    default_host_for_http_10: str
    header_key_format: HeaderKeyFormat
    enable_trailers: bool
    allow_chunked_length: bool
    override_stream_error_on_invalid_http_message: BoolValue
    send_fully_qualified_url: bool
    use_balsa_parser: BoolValue
    allow_custom_methods: bool
    ignore_http_11_upgrade: collections.abc.Sequence[StringMatcher]

class Http2ProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http2ProtocolOptions``"""

    hpack_table_size: UInt32Value
    max_concurrent_streams: UInt32Value
    initial_stream_window_size: UInt32Value
    initial_connection_window_size: UInt32Value
    allow_connect: bool
    allow_metadata: bool
    max_outbound_frames: UInt32Value
    max_outbound_control_frames: UInt32Value
    max_consecutive_inbound_frames_with_empty_payload: UInt32Value
    max_inbound_priority_frames_per_stream: UInt32Value
    max_inbound_window_update_frames_per_data_frame_sent: UInt32Value
    stream_error_on_invalid_http_messaging: bool
    custom_settings_parameters: collections.abc.Sequence[SettingsParameter]
    override_stream_error_on_invalid_http_message: BoolValue
    connection_keepalive: KeepaliveSettings
    use_oghttp2_codec: BoolValue
    max_metadata_size: UInt64Value
    enable_huffman_encoding: BoolValue
    max_header_field_size_kb: UInt32Value
    disallow_obs_text: BoolValue
    stream_reset_burst: UInt64Value
    stream_reset_rate: UInt64Value

class Http3ProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http3ProtocolOptions``"""

    quic_protocol_options: CoreQuicProtocolOptions
    override_stream_error_on_invalid_http_message: BoolValue
    allow_extended_connect: bool
    allow_metadata: bool
    disable_qpack: bool
    disable_connection_flow_control_for_streams: bool
    disallow_obs_text: BoolValue

# envoy.data.accesslog.v3.HttpAccessLogEntryHttpVersion
HttpAccessLogEntryHttpVersion: typing.TypeAlias = typing.Literal[
    "PROTOCOL_UNSPECIFIED",
    "HTTP10",
    "HTTP11",
    "HTTP2",
    "HTTP3",
]

class HttpConnectionManager(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager``"""

    codec_type: CodecType
    stat_prefix: str
    rds: Rds
    route_config: RouteConfiguration
    http_filters: collections.abc.Sequence[HttpFilter]
    add_user_agent: BoolValue
    tracing: HttpConnectionManagerTracing
    http_protocol_options: Http1ProtocolOptions
    http2_protocol_options: Http2ProtocolOptions
    server_name: str
    drain_timeout: Duration
    access_log: collections.abc.Sequence[AccessLog]
    use_remote_address: BoolValue
    generate_request_id: BoolValue
    forward_client_cert_details: ForwardClientCertDetails
    set_current_client_cert_details: SetCurrentClientCertDetails
    proxy_100_continue: bool
    xff_num_trusted_hops: int
    represent_ipv4_remote_address_as_ipv4_mapped_ipv6: bool
    skip_xff_append: bool
    via: str
    upgrade_configs: collections.abc.Sequence[HttpConnectionManagerUpgradeConfig]
    stream_idle_timeout: Duration
    internal_address_config: InternalAddressConfig
    delayed_close_timeout: Duration
    request_timeout: Duration
    max_request_headers_kb: UInt32Value
    normalize_path: BoolValue
    scoped_routes: ScopedRoutes
    preserve_external_request_id: bool
    merge_slashes: bool
    server_header_transformation: ServerHeaderTransformation
    common_http_protocol_options: CoreHttpProtocolOptions
    request_id_extension: RequestIDExtension
    always_set_request_id_in_response: bool
    local_reply_config: LocalReplyConfig
    strip_matching_host_port: bool
    stream_error_on_invalid_http_message: BoolValue
    request_headers_timeout: Duration
    strip_any_host_port: bool
    path_normalization_options: PathNormalizationOptions
    http3_protocol_options: Http3ProtocolOptions
    path_with_escaped_slashes_action: PathWithEscapedSlashesAction
    original_ip_detection_extensions: collections.abc.Sequence[TypedExtensionConfig]
    strip_trailing_host_dot: bool
    scheme_header_transformation: SchemeHeaderTransformation
    proxy_status_config: ProxyStatusConfig
    typed_header_validation_config: TypedExtensionConfig
    append_x_forwarded_port: bool
    early_header_mutation_extensions: collections.abc.Sequence[TypedExtensionConfig]
    add_proxy_protocol_connection_state: BoolValue
    access_log_flush_interval: Duration
    flush_access_log_on_new_request: bool
    access_log_options: HcmAccessLogOptions
    append_local_overload: bool
    http1_safe_max_connection_duration: bool
    stream_flush_timeout: Duration
    forward_client_cert_matcher: MatcherMatcher
    forward_proto_config: ForwardProtoConfig
    drain_timeout_jitter: Percent

class HttpConnectionManagerTracing(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing``"""

    client_sampling: Percent
    random_sampling: Percent
    overall_sampling: Percent
    verbose: bool
    max_path_tag_length: UInt32Value
    custom_tags: collections.abc.Sequence[CustomTag]
    provider: Http
    spawn_upstream_span: BoolValue
    operation: str
    upstream_operation: str
    no_context_propagation: bool

class HttpConnectionManagerUpgradeConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig``"""

    upgrade_type: str
    filters: collections.abc.Sequence[HttpFilter]
    enabled: BoolValue

class HttpFilter(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter``"""

    name: str
    typed_config: Any
    config_discovery: ExtensionConfigSource
    is_optional: bool
    disabled: bool

class HttpGenericBodyMatch(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.HttpGenericBodyMatch``"""

    bytes_limit: int
    patterns: collections.abc.Sequence[GenericTextMatch]

class HttpGrpcAccessLogConfig(typing.TypedDict, total=False):
    """``envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig``"""

    common_config: CommonGrpcAccessLogConfig
    additional_request_headers_to_log: _Strings
    additional_response_headers_to_log: _Strings
    additional_response_trailers_to_log: _Strings

class HttpHeaderMutationHeaderMutation(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.header_mutation.v3.HeaderMutation``"""

    mutations: Mutations
    most_specific_header_mutations_wins: bool

class HttpHeadersMatch(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.HttpHeadersMatch``"""

    headers: collections.abc.Sequence[HeaderMatcher]

class HttpHealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.HttpHealthCheck``"""

    host: str
    path: str
    send: Payload
    receive: collections.abc.Sequence[Payload]
    request_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    request_headers_to_remove: _Strings
    expected_statuses: collections.abc.Sequence[Int64Range]
    codec_client_type: CodecClientType
    service_name_matcher: StringMatcher
    retriable_statuses: collections.abc.Sequence[Int64Range]
    method: RequestMethod
    response_buffer_size: UInt64Value

class HttpHttpProtocolOptions(typing.TypedDict, total=False):
    """``envoy.extensions.upstreams.http.v3.HttpProtocolOptions``"""

    common_http_protocol_options: CoreHttpProtocolOptions
    upstream_http_protocol_options: UpstreamHttpProtocolOptions
    explicit_http_config: ExplicitHttpConfig
    use_downstream_protocol_config: UseDownstreamHttpConfig
    auto_config: AutoHttpConfig
    http_filters: collections.abc.Sequence[HttpFilter]
    header_validation_config: TypedExtensionConfig
    outlier_detection: HttpProtocolOptionsOutlierDetection
    request_mirror_policies: collections.abc.Sequence[RequestMirrorPolicy]
    hash_policy: collections.abc.Sequence[RouteActionHashPolicy]
    retry_policy: RouteRetryPolicy

class HttpLocalRatelimitLocalRateLimit(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit``"""

    stat_prefix: str
    status: HttpStatus
    token_bucket: TokenBucket
    filter_enabled: RuntimeFractionalPercent
    filter_enforced: RuntimeFractionalPercent
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    descriptors: collections.abc.Sequence[LocalRateLimitDescriptor]
    stage: int
    request_headers_to_add_when_not_enforced: collections.abc.Sequence[HeaderValueOption]
    local_rate_limit_per_downstream_connection: bool
    enable_x_ratelimit_headers: XRateLimitHeadersRfcVersion
    vh_rate_limits: VhRateLimitsOptions
    always_consume_default_token_bucket: BoolValue
    rate_limited_as_resource_exhausted: bool
    local_cluster_rate_limit: LocalClusterRateLimit
    rate_limits: collections.abc.Sequence[RateLimit]
    max_dynamic_descriptors: UInt32Value

class HttpProtocolOptionsOutlierDetection(typing.TypedDict, total=False):
    """``envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection``"""

    error_matcher: MatchPredicate

class HttpRbacRBAC(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.rbac.v3.RBAC``"""

    rules: ConfigRbacRBAC
    shadow_rules: ConfigRbacRBAC
    shadow_rules_stat_prefix: str
    matcher: MatcherMatcher
    shadow_matcher: MatcherMatcher
    rules_stat_prefix: str
    track_per_rule_stats: bool

class HttpRequestHeaderMatchInput(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.HttpRequestHeaderMatchInput``"""

    header_name: str

class HttpResponseLocalReplyMatchInput(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.HttpResponseLocalReplyMatchInput``"""

class HttpResponseStatusCodeClassMatchInput(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput``"""

class HttpResponseStatusCodeMatchInput(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput``"""

class HttpService(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.ext_authz.v3.HttpService``"""

    server_uri: HttpUri
    path_prefix: str
    authorization_request: AuthorizationRequest
    authorization_response: AuthorizationResponse
    retry_policy: CoreRetryPolicy
    path_override: str

class HttpStatus(typing.TypedDict, total=False):
    """``envoy.type.v3.HttpStatus``"""

    code: StatusCode

class HttpUri(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HttpUri``"""

    uri: str
    cluster: str
    timeout: Duration

class Ident(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.Ident``"""

    name: str

class Identifier(typing.TypedDict, total=False):
    """``envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier``"""

    node: Node
    log_name: str

# envoy.config.bootstrap.v3.CustomInlineHeader.InlineHeaderType
InlineHeaderType: typing.TypeAlias = typing.Literal[
    "REQUEST_HEADER",
    "REQUEST_TRAILER",
    "RESPONSE_HEADER",
    "RESPONSE_TRAILER",
]

class Int32Range(typing.TypedDict, total=False):
    """``envoy.type.v3.Int32Range``"""

    start: int
    end: int

class Int32Value(typing.TypedDict, total=False):
    """``google.protobuf.Int32Value``"""

    value: int

class Int64Range(typing.TypedDict, total=False):
    """``envoy.type.v3.Int64Range``"""

    start: int
    end: int

class Int64Value(typing.TypedDict, total=False):
    """``google.protobuf.Int64Value``"""

    value: int

class InternalAddressConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig``"""

    unix_sockets: bool
    cidr_ranges: collections.abc.Sequence[CidrRange]

class InternalListenerConfig(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener.InternalListenerConfig``"""

# envoy.config.route.v3.RouteAction.InternalRedirectAction
InternalRedirectAction: typing.TypeAlias = typing.Literal[
    "PASS_THROUGH_INTERNAL_REDIRECT",
    "HANDLE_INTERNAL_REDIRECT",
]

class InternalRedirectPolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.InternalRedirectPolicy``"""

    max_internal_redirects: UInt32Value
    redirect_response_codes: collections.abc.Sequence[int]
    predicates: collections.abc.Sequence[TypedExtensionConfig]
    allow_cross_scheme_redirect: bool
    response_headers_to_copy: _Strings

class JsonFormatOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.JsonFormatOptions``"""

    sort_properties: bool

class JwksAsyncFetch(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwksAsyncFetch``"""

    fast_listener: bool
    failed_refetch_duration: Duration

class JwtAuthentication(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication``"""

    providers: collections.abc.Mapping[str, JwtProvider]
    rules: collections.abc.Sequence[RequirementRule]
    filter_state_rules: FilterStateRule
    bypass_cors_preflight: bool
    requirement_map: collections.abc.Mapping[str, JwtRequirement]
    strip_failure_response: bool
    stat_prefix: str

class JwtCacheConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtCacheConfig``"""

    jwt_cache_size: int
    jwt_max_token_size: int

class JwtClaimToHeader(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader``"""

    header_name: str
    claim_name: str

class JwtHeader(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtHeader``"""

    name: str
    value_prefix: str

class JwtProvider(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtProvider``"""

    issuer: str
    audiences: _Strings
    remote_jwks: RemoteJwks
    local_jwks: DataSource
    forward: bool
    from_headers: collections.abc.Sequence[JwtHeader]
    from_params: _Strings
    forward_payload_header: str
    payload_in_metadata: str
    clock_skew_seconds: int
    pad_forward_payload_header: bool
    jwt_cache_config: JwtCacheConfig
    from_cookies: _Strings
    header_in_metadata: str
    claim_to_headers: collections.abc.Sequence[JwtClaimToHeader]
    failed_status_in_metadata: str
    clear_route_cache: bool
    normalize_payload_in_metadata: NormalizePayload
    subjects: StringMatcher
    require_expiration: bool
    max_lifetime: Duration

class JwtRequirement(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement``"""

    provider_name: str
    provider_and_audiences: ProviderWithAudiences
    requires_any: JwtRequirementOrList
    requires_all: JwtRequirementAndList
    allow_missing_or_failed: Empty
    allow_missing: Empty
    extract_only_without_validation: ExtractOnlyWithoutValidation

class JwtRequirementAndList(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList``"""

    requirements: collections.abc.Sequence[JwtRequirement]

class JwtRequirementOrList(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList``"""

    requirements: collections.abc.Sequence[JwtRequirement]

class KeepaliveSettings(typing.TypedDict, total=False):
    """``envoy.config.core.v3.KeepaliveSettings``"""

    interval: Duration
    timeout: Duration
    interval_jitter: Percent
    connection_idle_interval: Duration

class Key(typing.TypedDict, total=False):
    """``envoy.config.route.v3.ScopedRouteConfiguration.Key``"""

    fragments: collections.abc.Sequence[Fragment]

class KeyValue(typing.TypedDict, total=False):
    """``envoy.config.core.v3.KeyValue``"""

    key: str
    value: bytes

class KeyValueAppend(typing.TypedDict, total=False):
    """``envoy.config.core.v3.KeyValueAppend``"""

    entry: KeyValue
    action: KeyValueAppendAction
    record: KeyValuePair

# envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction
KeyValueAppendAction: typing.TypeAlias = typing.Literal[
    "APPEND_IF_EXISTS_OR_ADD",
    "ADD_IF_ABSENT",
    "OVERWRITE_IF_EXISTS_OR_ADD",
    "OVERWRITE_IF_EXISTS",
]

class KeyValueMutation(typing.TypedDict, total=False):
    """``envoy.config.core.v3.KeyValueMutation``"""

    append: KeyValueAppend
    remove: str

class KeyValuePair(typing.TypedDict, total=False):
    """``envoy.config.core.v3.KeyValuePair``"""

    key: str
    value: google.protobuf.message.Message

class KvElement(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor.KvElement``"""

    separator: str
    key: str

class LayeredRuntime(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.LayeredRuntime``"""

    layers: collections.abc.Sequence[RuntimeLayer]

class LbEndpoint(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.LbEndpoint``"""

    endpoint: Endpoint
    health_status: HealthStatus
    metadata: Metadata
    load_balancing_weight: UInt32Value
    endpoint_name: str

class LbEndpointList(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.LocalityLbEndpoints.LbEndpointList``"""

    lb_endpoints: collections.abc.Sequence[LbEndpoint]

# envoy.config.cluster.v3.Cluster.LbPolicy
LbPolicy: typing.TypeAlias = typing.Literal[
    "ROUND_ROBIN",
    "LEAST_REQUEST",
    "RING_HASH",
    "RANDOM",
    "MAGLEV",
    "CLUSTER_PROVIDED",
    "LOAD_BALANCING_POLICY_CONFIG",
]

class LbSubsetConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.LbSubsetConfig``"""

    fallback_policy: LbSubsetFallbackPolicy
    default_subset: google.protobuf.message.Message
    subset_selectors: collections.abc.Sequence[LbSubsetSelector]
    locality_weight_aware: bool
    scale_locality_weight: bool
    panic_mode_any: bool
    list_as_any: bool
    metadata_fallback_policy: LbSubsetMetadataFallbackPolicy

# envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy
LbSubsetFallbackPolicy: typing.TypeAlias = typing.Literal[
    "NO_FALLBACK",
    "ANY_ENDPOINT",
    "DEFAULT_SUBSET",
]

# envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetMetadataFallbackPolicy
LbSubsetMetadataFallbackPolicy: typing.TypeAlias = typing.Literal[
    "METADATA_NO_FALLBACK",
    "FALLBACK_LIST",
]

class LbSubsetSelector(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector``"""

    keys: _Strings
    fallback_policy: LbSubsetSelectorFallbackPolicy
    fallback_keys_subset: _Strings
    single_host_per_subset: bool

# envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector.LbSubsetSelectorFallbackPolicy
LbSubsetSelectorFallbackPolicy: typing.TypeAlias = typing.Literal[
    "NOT_DEFINED",
    "NO_FALLBACK",
    "ANY_ENDPOINT",
    "DEFAULT_SUBSET",
    "KEYS_SUBSET",
]

class LeastRequestLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.LeastRequestLbConfig``"""

    choice_count: UInt32Value
    active_request_bias: RuntimeDouble
    slow_start_config: SlowStartConfig

class LedsClusterLocalityConfig(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.LedsClusterLocalityConfig``"""

    leds_config: ConfigSource
    leds_collection_name: str

class ListMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.ListMatcher``"""

    one_of: ValueMatcher

class ListStringMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.ListStringMatcher``"""

    patterns: collections.abc.Sequence[StringMatcher]

class ListType(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Type.ListType``"""

    elem_type: Type

class Listener(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.Listener``"""

    name: str
    address: Address
    filter_chains: collections.abc.Sequence[FilterChain]
    use_original_dst: BoolValue
    per_connection_buffer_limit_bytes: UInt32Value
    metadata: Metadata
    deprecated_v1: DeprecatedV1
    drain_type: DrainType
    listener_filters: collections.abc.Sequence[ListenerFilter]
    transparent: BoolValue
    freebind: BoolValue
    tcp_fast_open_queue_length: UInt32Value
    socket_options: collections.abc.Sequence[SocketOption]
    listener_filters_timeout: Duration
    traffic_direction: TrafficDirection
    continue_on_listener_filters_timeout: bool
    udp_listener_config: UdpListenerConfig
    api_listener: ApiListener
    connection_balance_config: ConnectionBalanceConfig
    reuse_port: bool
    access_log: collections.abc.Sequence[AccessLog]
    tcp_backlog_size: UInt32Value
    default_filter_chain: FilterChain
    bind_to_port: BoolValue
    internal_listener: InternalListenerConfig
    stat_prefix: str
    enable_reuse_port: BoolValue
    enable_mptcp: bool
    ignore_global_conn_limit: bool
    filter_chain_matcher: MatcherMatcher
    additional_addresses: collections.abc.Sequence[AdditionalAddress]
    max_connections_to_accept_per_socket_event: UInt32Value
    bypass_overload_manager: bool
    fcds_config: FcdsConfig
    tcp_keepalive: TcpKeepalive
    per_connection_buffer_high_watermark_timeout: Duration

class ListenerFilter(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.ListenerFilter``"""

    name: str
    typed_config: Any
    filter_disabled: ListenerFilterChainMatchPredicate
    config_discovery: ExtensionConfigSource

class ListenerFilterChainMatchPredicate(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.ListenerFilterChainMatchPredicate``"""

    or_match: ListenerFilterChainMatchPredicateMatchSet
    and_match: ListenerFilterChainMatchPredicateMatchSet
    not_match: ListenerFilterChainMatchPredicate
    any_match: bool
    destination_port_range: Int32Range

class ListenerFilterChainMatchPredicateMatchSet(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet``"""

    rules: collections.abc.Sequence[ListenerFilterChainMatchPredicate]

class ListenerQuicProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.QuicProtocolOptions``"""

    quic_protocol_options: CoreQuicProtocolOptions
    idle_timeout: Duration
    crypto_handshake_timeout: Duration
    enabled: RuntimeFeatureFlag
    packets_to_read_to_connection_count_ratio: UInt32Value
    crypto_stream_config: TypedExtensionConfig
    proof_source_config: TypedExtensionConfig
    connection_id_generator_config: TypedExtensionConfig
    server_preferred_address_config: TypedExtensionConfig
    send_disable_active_migration: BoolValue
    connection_debug_visitor_config: TypedExtensionConfig
    save_cmsg_config: collections.abc.Sequence[SocketCmsgHeaders]
    reject_new_connections: bool
    max_sessions_per_event_loop: UInt32Value

class Literal(typing.TypedDict, total=False):
    """``envoy.type.tracing.v3.CustomTag.Literal``"""

    value: str

class LoadBalancingPolicy(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.LoadBalancingPolicy``"""

    policies: collections.abc.Sequence[LoadBalancingPolicyPolicy]

class LoadBalancingPolicyPolicy(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.LoadBalancingPolicy.Policy``"""

    typed_extension_config: TypedExtensionConfig

class LoadShedPoint(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.LoadShedPoint``"""

    name: str
    triggers: collections.abc.Sequence[Trigger]

class LocalClusterRateLimit(typing.TypedDict, total=False):
    """``envoy.extensions.common.ratelimit.v3.LocalClusterRateLimit``"""

class LocalRateLimitDescriptor(typing.TypedDict, total=False):
    """``envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor``"""

    entries: collections.abc.Sequence[Entry]
    token_bucket: TokenBucket
    shadow_mode: bool

class LocalReplyConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig``"""

    mappers: collections.abc.Sequence[ResponseMapper]
    body_format: SubstitutionFormatString

class LocalResponsePolicy(typing.TypedDict, total=False):
    """``envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy``"""

    body: DataSource
    body_format: SubstitutionFormatString
    status_code: UInt32Value
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]

class Locality(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Locality``"""

    region: str
    zone: str
    sub_zone: str

class LocalityLbEndpoints(typing.TypedDict, total=False):
    """``envoy.config.endpoint.v3.LocalityLbEndpoints``"""

    locality: Locality
    lb_endpoints: collections.abc.Sequence[LbEndpoint]
    load_balancing_weight: UInt32Value
    priority: int
    proximity: UInt32Value
    load_balancer_endpoints: LbEndpointList
    leds_cluster_locality_config: LedsClusterLocalityConfig
    metadata: Metadata

class LocalityWeightedLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig``"""

class LogFormat(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig.LogFormat``"""

    json_format: google.protobuf.message.Message
    text_format: str

class LogTypeFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.LogTypeFilter``"""

    types: collections.abc.Sequence[AccessLogType]
    exclude: bool

class Lua(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.lua.v3.Lua``"""

    inline_code: str
    source_codes: collections.abc.Mapping[str, DataSource]
    default_source_code: DataSource
    stat_prefix: str
    clear_route_cache: BoolValue

class MaglevLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.MaglevLbConfig``"""

    table_size: UInt64Value

class MapType(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Type.MapType``"""

    key_type: Type
    value_type: Type

class MaskedRemoteAddress(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress``"""

    v4_prefix_mask_len: UInt32Value
    v6_prefix_mask_len: UInt32Value

class MatchMap(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherTree.MatchMap``"""

    map: collections.abc.Mapping[str, OnMatch]

class MatchPredicate(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.MatchPredicate``"""

    or_match: MatchPredicateMatchSet
    and_match: MatchPredicateMatchSet
    not_match: MatchPredicate
    any_match: bool
    http_request_headers_match: HttpHeadersMatch
    http_request_trailers_match: HttpHeadersMatch
    http_response_headers_match: HttpHeadersMatch
    http_response_trailers_match: HttpHeadersMatch
    http_request_generic_body_match: HttpGenericBodyMatch
    http_response_generic_body_match: HttpGenericBodyMatch

class MatchPredicateMatchSet(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.MatchPredicate.MatchSet``"""

    rules: collections.abc.Sequence[MatchPredicate]

class Matcher(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher``"""

    matcher_list: MatcherList
    matcher_tree: MatcherTree
    on_no_match: OnMatch

class MatcherList(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherList``"""

    matchers: collections.abc.Sequence[FieldMatcher]

class MatcherListFieldMatcher(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher``"""

    predicate: MatcherListPredicate
    on_match: MatcherOnMatch

class MatcherListPredicate(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherList.Predicate``"""

    single_predicate: PredicateSinglePredicate
    or_matcher: PredicatePredicateList
    and_matcher: PredicatePredicateList
    not_matcher: MatcherListPredicate

class MatcherMatcher(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher``"""

    matcher_list: MatcherMatcherList
    matcher_tree: MatcherMatcherTree
    on_no_match: MatcherOnMatch

class MatcherMatcherList(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherList``"""

    matchers: collections.abc.Sequence[MatcherListFieldMatcher]

class MatcherMatcherTree(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherTree``"""

    input: CoreTypedExtensionConfig
    exact_match_map: MatcherTreeMatchMap
    prefix_match_map: MatcherTreeMatchMap
    custom_match: CoreTypedExtensionConfig

class MatcherOnMatch(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.OnMatch``"""

    matcher: MatcherMatcher
    action: CoreTypedExtensionConfig
    keep_matching: bool

class MatcherRegexMatcher(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.RegexMatcher``"""

    google_re2: RegexMatcherGoogleRE2
    regex: str

class MatcherStringMatcher(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.StringMatcher``"""

    exact: str
    prefix: str
    suffix: str
    safe_regex: MatcherRegexMatcher
    ignore_case: bool
    contains: str
    custom: CoreTypedExtensionConfig

class MatcherTree(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherTree``"""

    input: TypedExtensionConfig
    exact_match_map: MatchMap
    prefix_match_map: MatchMap
    custom_match: TypedExtensionConfig

class MatcherTreeMatchMap(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherTree.MatchMap``"""

    map: collections.abc.Mapping[str, MatcherOnMatch]

class MaxStreamDuration(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.MaxStreamDuration``"""

    max_stream_duration: Duration
    grpc_timeout_header_max: Duration
    grpc_timeout_header_offset: Duration

class MemoryAllocatorManager(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.MemoryAllocatorManager``"""

    bytes_to_release: int
    memory_release_interval: Duration
    soft_memory_limit_bytes: UInt64Value
    max_per_cpu_cache_size_bytes: UInt32Value
    max_unfreed_memory_bytes: int

class MergeSlashes(typing.TypedDict, total=False):
    """``envoy.type.http.v3.PathTransformation.Operation.MergeSlashes``"""

class MetaData(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.MetaData``"""

    descriptor_key: str
    metadata_key: MetadataKey
    default_value: str
    source: Source
    skip_if_absent: bool

class Metadata(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Metadata``"""

    filter_metadata: collections.abc.Mapping[str, google.protobuf.message.Message]
    typed_filter_metadata: collections.abc.Mapping[str, Any]

class MetadataCredentialsFromPlugin(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.MetadataCredentialsFromPlugin``"""

    name: str
    typed_config: Any

class MetadataFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.MetadataFilter``"""

    matcher: MetadataMatcher
    match_if_key_not_found: BoolValue

class MetadataKey(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKey``"""

    key: str
    path: collections.abc.Sequence[MetadataKeyPathSegment]

class MetadataKeyPathSegment(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKey.PathSegment``"""

    key: str

class MetadataKind(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKind``"""

    request: Request
    route: MetadataKindRoute
    cluster: MetadataKindCluster
    host: Host

class MetadataKindCluster(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKind.Cluster``"""

class MetadataKindRoute(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKind.Route``"""

class MetadataMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.MetadataMatcher``"""

    filter: str
    path: collections.abc.Sequence[MetadataMatcherPathSegment]
    value: ValueMatcher
    invert: bool

class MetadataMatcherPathSegment(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.MetadataMatcher.PathSegment``"""

    key: str

# envoy.config.rbac.v3.MetadataSource
MetadataSource: typing.TypeAlias = typing.Literal["DYNAMIC", "ROUTE"]

class MigrateIdleConnectionSettings(typing.TypedDict, total=False):
    """``envoy.config.core.v3.QuicProtocolOptions.ConnectionMigrationSettings.MigrateIdleConnectionSettings``"""

    max_idle_time_before_migration: Duration

class MutationRulesHeaderMutation(typing.TypedDict, total=False):
    """``envoy.config.common.mutation_rules.v3.HeaderMutation``"""

    remove: str
    append: HeaderValueOption
    remove_on_match: RemoveOnMatch

class Mutations(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.header_mutation.v3.Mutations``"""

    request_mutations: collections.abc.Sequence[MutationRulesHeaderMutation]
    response_mutations: collections.abc.Sequence[MutationRulesHeaderMutation]
    query_parameter_mutations: collections.abc.Sequence[KeyValueMutation]
    response_trailers_mutations: collections.abc.Sequence[MutationRulesHeaderMutation]
    request_trailers_mutations: collections.abc.Sequence[MutationRulesHeaderMutation]

class NetworkLocalRatelimitLocalRateLimit(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit``"""

    stat_prefix: str
    token_bucket: TokenBucket
    runtime_enabled: RuntimeFeatureFlag
    share_key: str

class NetworkRbacRBAC(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.rbac.v3.RBAC``"""

    rules: ConfigRbacRBAC
    shadow_rules: ConfigRbacRBAC
    stat_prefix: str
    enforcement_type: RbacEnforcementType
    shadow_rules_stat_prefix: str
    matcher: MatcherMatcher
    shadow_matcher: MatcherMatcher
    delay_deny: Duration

class Node(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Node``"""

    id: str
    cluster: str
    metadata: google.protobuf.message.Message
    locality: Locality
    user_agent_name: str
    user_agent_version: str
    user_agent_build_version: BuildVersion
    extensions: collections.abc.Sequence[Extension]
    client_features: _Strings
    listening_addresses: collections.abc.Sequence[Address]
    dynamic_parameters: collections.abc.Mapping[str, ContextParams]

class NonForwardingAction(typing.TypedDict, total=False):
    """``envoy.config.route.v3.NonForwardingAction``"""

class NormalizePathRFC3986(typing.TypedDict, total=False):
    """``envoy.type.http.v3.PathTransformation.Operation.NormalizePathRFC3986``"""

class NormalizePayload(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.JwtProvider.NormalizePayload``"""

    space_delimited_claims: _Strings

class NotHealthCheckFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.NotHealthCheckFilter``"""

class NullMatch(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.ValueMatcher.NullMatch``"""

# google.protobuf.NullValue
NullValue: typing.TypeAlias = typing.Literal["NULL_VALUE"]

# envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext.OcspStaplePolicy
OcspStaplePolicy: typing.TypeAlias = typing.Literal[
    "LENIENT_STAPLING",
    "STRICT_STAPLING",
    "MUST_STAPLE",
]

class OnDemand(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand``"""

    odcds_config: ConfigSource
    resources_locator: str
    timeout: Duration

class OnMatch(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.OnMatch``"""

    matcher: Matcher
    action: TypedExtensionConfig
    keep_matching: bool

# envoy.config.accesslog.v3.ComparisonFilter.Op
Op: typing.TypeAlias = typing.Literal["EQ", "GE", "LE", "NE"]

class Operation(typing.TypedDict, total=False):
    """``envoy.type.http.v3.PathTransformation.Operation``"""

    normalize_path_rfc_3986: NormalizePathRFC3986
    merge_slashes: MergeSlashes

class OrFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.OrFilter``"""

    filters: collections.abc.Sequence[AccessLogFilter]

class OrMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.OrMatcher``"""

    value_matchers: collections.abc.Sequence[ValueMatcher]

class OriginalDst(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.original_dst.v3.OriginalDst``"""

class OriginalDstLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.OriginalDstLbConfig``"""

    use_http_header: bool
    http_header_name: str
    upstream_port_override: UInt32Value
    metadata_key: MetadataKey

class OriginalSrc(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.original_src.v3.OriginalSrc``"""

    bind_port: bool
    mark: int

class OutlierDetection(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.OutlierDetection``"""

    consecutive_5xx: UInt32Value
    interval: Duration
    base_ejection_time: Duration
    max_ejection_percent: UInt32Value
    enforcing_consecutive_5xx: UInt32Value
    enforcing_success_rate: UInt32Value
    success_rate_minimum_hosts: UInt32Value
    success_rate_request_volume: UInt32Value
    success_rate_stdev_factor: UInt32Value
    consecutive_gateway_failure: UInt32Value
    enforcing_consecutive_gateway_failure: UInt32Value
    split_external_local_origin_errors: bool
    consecutive_local_origin_failure: UInt32Value
    enforcing_consecutive_local_origin_failure: UInt32Value
    enforcing_local_origin_success_rate: UInt32Value
    failure_percentage_threshold: UInt32Value
    enforcing_failure_percentage: UInt32Value
    enforcing_failure_percentage_local_origin: UInt32Value
    failure_percentage_minimum_hosts: UInt32Value
    failure_percentage_request_volume: UInt32Value
    max_ejection_time: Duration
    max_ejection_time_jitter: Duration
    successful_active_health_check_uneject_host: BoolValue
    monitors: collections.abc.Sequence[TypedExtensionConfig]
    always_eject_one_host: BoolValue
    detect_degraded_hosts: BoolValue

class OverloadAction(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.OverloadAction``"""

    name: str
    triggers: collections.abc.Sequence[Trigger]
    typed_config: Any

class OverloadManager(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.OverloadManager``"""

    refresh_interval: Duration
    resource_monitors: collections.abc.Sequence[ResourceMonitor]
    actions: collections.abc.Sequence[OverloadAction]
    buffer_factory_config: BufferFactoryConfig
    loadshed_points: collections.abc.Sequence[LoadShedPoint]

class Override(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Override``"""

    dynamic_metadata: DynamicMetadata
    rate_limit: OverrideRateLimitOverride

class OverrideRateLimitOverride(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Override.RateLimitOverride``"""

    requests_per_unit: int
    unit: RateLimitUnit

class PathConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.PathConfigSource``"""

    path: str
    watched_directory: WatchedDirectory

class PathMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.PathMatcher``"""

    path: StringMatcher

class PathNormalizationOptions(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathNormalizationOptions``"""

    forwarding_transformation: PathTransformation
    http_filter_transformation: PathTransformation

class PathTransformation(typing.TypedDict, total=False):
    """``envoy.type.http.v3.PathTransformation``"""

    operations: collections.abc.Sequence[Operation]

# envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction
PathWithEscapedSlashesAction: typing.TypeAlias = typing.Literal[
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
]

class Payload(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.Payload``"""

    text: str
    binary: bytes

class PerRouteConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig``"""

    disabled: bool
    requirement_name: str

class Percent(typing.TypedDict, total=False):
    """``envoy.type.v3.Percent``"""

    value: float

class Permission(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Permission``"""

    and_rules: PermissionSet
    or_rules: PermissionSet
    any: bool
    header: HeaderMatcher
    destination_ip: CidrRange
    destination_port: int
    metadata: MetadataMatcher
    not_rule: Permission
    requested_server_name: StringMatcher
    url_path: PathMatcher
    destination_port_range: Int32Range
    matcher: TypedExtensionConfig
    uri_template: TypedExtensionConfig
    sourced_metadata: SourcedMetadata

class PermissionSet(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Permission.Set``"""

    rules: collections.abc.Sequence[Permission]

class Pipe(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Pipe``"""

    path: str
    mode: int

class Policy(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Policy``"""

    permissions: collections.abc.Sequence[Permission]
    principals: collections.abc.Sequence[Principal]
    condition: Expr
    checked_condition: CheckedExpr
    cel_config: CelExpressionConfig

class PreconnectPolicy(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.PreconnectPolicy``"""

    per_upstream_preconnect_ratio: DoubleValue
    predictive_preconnect_ratio: DoubleValue

class Predicate(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherList.Predicate``"""

    single_predicate: SinglePredicate
    or_matcher: PredicateList
    and_matcher: PredicateList
    not_matcher: Predicate

class PredicateList(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherList.Predicate.PredicateList``"""

    predicate: collections.abc.Sequence[Predicate]

class PredicatePredicateList(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList``"""

    predicate: collections.abc.Sequence[MatcherListPredicate]

class PredicateSinglePredicate(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate``"""

    input: CoreTypedExtensionConfig
    value_match: MatcherStringMatcher
    custom_match: CoreTypedExtensionConfig

class PreviousHostsPredicate(typing.TypedDict, total=False):
    """``envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate``"""

# google.api.expr.v1alpha1.Type.PrimitiveType
PrimitiveType: typing.TypeAlias = typing.Literal[
    "PRIMITIVE_TYPE_UNSPECIFIED",
    "BOOL",
    "INT64",
    "UINT64",
    "DOUBLE",
    "STRING",
    "BYTES",
]

class Principal(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Principal``"""

    and_ids: PrincipalSet
    or_ids: PrincipalSet
    any: bool
    authenticated: Authenticated
    source_ip: CidrRange
    header: HeaderMatcher
    metadata: MetadataMatcher
    not_id: Principal
    url_path: PathMatcher
    direct_remote_ip: CidrRange
    remote_ip: CidrRange
    filter_state: FilterStateMatcher
    sourced_metadata: SourcedMetadata
    custom: TypedExtensionConfig

class PrincipalSet(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.Principal.Set``"""

    ids: collections.abc.Sequence[Principal]

class PrivateKeyProvider(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider``"""

    provider_name: str
    typed_config: Any
    fallback: bool

class ProperCaseWords(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords``"""

# envoy.config.core.v3.SocketAddress.Protocol
Protocol: typing.TypeAlias = typing.Literal["TCP", "UDP"]

class ProviderWithAudiences(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences``"""

    provider_name: str
    audiences: _Strings

class ProxyProtocol(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol``"""

    rules: collections.abc.Sequence[Rule]
    allow_requests_without_proxy_protocol: bool
    pass_through_tlvs: ProxyProtocolPassThroughTLVs
    disallowed_versions: collections.abc.Sequence[Version]
    stat_prefix: str
    tlv_location: TlvLocation

class ProxyProtocolConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ProxyProtocolConfig``"""

    version: Version
    pass_through_tlvs: ProxyProtocolPassThroughTLVs
    added_tlvs: collections.abc.Sequence[TlvEntry]

class ProxyProtocolKeyValuePair(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair``"""

    metadata_namespace: str
    key: str
    value_string_encoding: ValueStringEncoding

class ProxyProtocolPassThroughTLVs(typing.TypedDict, total=False):
    """``envoy.config.core.v3.ProxyProtocolPassThroughTLVs``"""

    match_type: ProxyProtocolPassThroughTlVsPassTlVsMatchType
    tlv_type: collections.abc.Sequence[int]

# envoy.config.core.v3.ProxyProtocolPassThroughTlVsPassTlVsMatchType
ProxyProtocolPassThroughTlVsPassTlVsMatchType: typing.TypeAlias = typing.Literal[
    "INCLUDE_ALL",
    "INCLUDE",
]

# envoy.extensions.filters.network.tcp_proxy.v3.ProxyProtocolTlvMergePolicy
ProxyProtocolTlvMergePolicy: typing.TypeAlias = typing.Literal[
    "ADD_IF_ABSENT",
    "OVERWRITE_BY_TYPE_IF_EXISTS_OR_ADD",
    "APPEND_IF_EXISTS_OR_ADD",
]

class ProxyProtocolUpstreamTransport(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport``"""

    config: ProxyProtocolConfig
    transport_socket: TransportSocket
    allow_unspecified_address: bool
    tlv_as_pool_key: bool

class ProxyStatusConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ProxyStatusConfig``"""

    remove_details: bool
    remove_connection_termination_details: bool
    remove_response_flags: bool
    set_recommended_response_code: bool
    use_node_id: bool
    literal_proxy_name: str

class QueryParameter(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter``"""

    name: str

class QueryParameterMatcher(typing.TypedDict, total=False):
    """``envoy.config.route.v3.QueryParameterMatcher``"""

    name: str
    string_match: StringMatcher
    present_match: bool

class QueryParameterValueMatch(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch``"""

    descriptor_value: str
    expect_match: BoolValue
    query_parameters: collections.abc.Sequence[QueryParameterMatcher]
    descriptor_key: str
    default_value: str

class QueryParameters(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.QueryParameters``"""

    query_parameter_name: str
    descriptor_key: str
    skip_if_absent: bool

class QuicDownstreamTransport(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport``"""

    downstream_tls_context: DownstreamTlsContext
    enable_early_data: BoolValue
    enable_resumption: BoolValue

class QuicKeepAliveSettings(typing.TypedDict, total=False):
    """``envoy.config.core.v3.QuicKeepAliveSettings``"""

    max_interval: Duration
    initial_interval: Duration

class RBACPerRoute(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.rbac.v3.RBACPerRoute``"""

    rbac: HttpRbacRBAC

class RateLimit(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit``"""

    stage: UInt32Value
    disable_key: str
    actions: collections.abc.Sequence[Action]
    limit: Override
    hits_addend: HitsAddend
    apply_on_stream_done: bool
    x_ratelimit_option: XRateLimitOption

class RateLimitDescriptor(typing.TypedDict, total=False):
    """``envoy.extensions.common.ratelimit.v3.RateLimitDescriptor``"""

    entries: collections.abc.Sequence[Entry]
    limit: RateLimitDescriptorRateLimitOverride
    hits_addend: UInt64Value
    is_negative_hits: bool

class RateLimitDescriptorRateLimitOverride(typing.TypedDict, total=False):
    """``envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.RateLimitOverride``"""

    requests_per_unit: int
    unit: RateLimitUnit

class RateLimitSettings(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RateLimitSettings``"""

    max_tokens: UInt32Value
    fill_rate: DoubleValue

# envoy.type.v3.RateLimitUnit
RateLimitUnit: typing.TypeAlias = typing.Literal[
    "UNKNOWN",
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "MONTH",
    "YEAR",
]

class RateLimitedRetryBackOff(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff``"""

    reset_headers: collections.abc.Sequence[ResetHeader]
    max_interval: Duration

class RawBuffer(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer``"""

# envoy.config.rbac.v3.RbacAction
RbacAction: typing.TypeAlias = typing.Literal["ALLOW", "DENY", "LOG"]

# envoy.config.rbac.v3.RbacAuditLoggingOptionsAuditCondition
RbacAuditLoggingOptionsAuditCondition: typing.TypeAlias = typing.Literal[
    "NONE",
    "ON_DENY",
    "ON_ALLOW",
    "ON_DENY_AND_ALLOW",
]

# envoy.extensions.filters.network.rbac.v3.RbacEnforcementType
RbacEnforcementType: typing.TypeAlias = typing.Literal["ONE_TIME_ON_FIRST_BYTE", "CONTINUOUS"]

class Rds(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.Rds``"""

    config_source: ConfigSource
    route_config_name: str

# envoy.data.accesslog.v3.ResponseFlags.Unauthorized.Reason
Reason: typing.TypeAlias = typing.Literal["REASON_UNSPECIFIED", "EXTERNAL_SERVICE"]

class RedirectAction(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RedirectAction``"""

    host_redirect: str
    path_redirect: str
    response_code: RedirectResponseCode
    https_redirect: bool
    prefix_rewrite: str
    strip_query: bool
    scheme_redirect: str
    port_redirect: int
    regex_rewrite: RegexMatchAndSubstitute
    path_rewrite: str

# envoy.config.route.v3.RedirectAction.RedirectResponseCode
RedirectResponseCode: typing.TypeAlias = typing.Literal[
    "MOVED_PERMANENTLY",
    "FOUND",
    "SEE_OTHER",
    "TEMPORARY_REDIRECT",
    "PERMANENT_REDIRECT",
]

class RedisHealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.RedisHealthCheck``"""

    key: str

class Reference(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Reference``"""

    name: str
    overload_id: _Strings
    value: Constant

class RegexMatchAndSubstitute(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.RegexMatchAndSubstitute``"""

    pattern: RegexMatcher
    substitution: str

class RegexMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.RegexMatcher``"""

    google_re2: GoogleRE2
    regex: str

class RegexMatcherGoogleRE2(typing.TypedDict, total=False):
    """``xds.type.matcher.v3.RegexMatcher.GoogleRE2``"""

class RemoteAddress(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.RemoteAddress``"""

class RemoteAddressMatch(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch``"""

    descriptor_value: str
    descriptor_key: str
    default_value: str
    address_matcher: AddressMatcher

class RemoteJwks(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks``"""

    http_uri: HttpUri
    cache_duration: Duration
    async_fetch: JwksAsyncFetch
    retry_policy: CoreRetryPolicy

class RemoveOnMatch(typing.TypedDict, total=False):
    """``envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch``"""

    key_matcher: StringMatcher

class Request(typing.TypedDict, total=False):
    """``envoy.type.metadata.v3.MetadataKind.Request``"""

class RequestDirectionConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.Compressor.RequestDirectionConfig``"""

    common_config: CommonDirectionConfig

class RequestHeaders(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.RequestHeaders``"""

    header_name: str
    descriptor_key: str
    skip_if_absent: bool

class RequestIDExtension(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension``"""

    typed_config: Any

# envoy.config.core.v3.RequestMethod
RequestMethod: typing.TypeAlias = typing.Literal[
    "METHOD_UNSPECIFIED",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
]

class RequestMirrorPolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.RequestMirrorPolicy``"""

    cluster: str
    runtime_fraction: RuntimeFractionalPercent
    trace_sampled: BoolValue
    cluster_header: str
    disable_shadow_host_suffix_append: bool
    request_headers_mutations: collections.abc.Sequence[MutationRulesHeaderMutation]
    host_rewrite_literal: str

class RequirementRule(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.jwt_authn.v3.RequirementRule``"""

    match: RouteMatch
    requires: JwtRequirement
    requirement_name: str

class ResetHeader(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy.ResetHeader``"""

    name: str
    format: Format

class Resource(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.Resource``"""

    version: str
    resource: Any
    name: str
    aliases: _Strings
    ttl: Duration
    cache_control: CacheControl
    resource_name: ResourceName
    metadata: Metadata

class ResourceError(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.ResourceError``"""

    resource_name: ResourceName
    error_detail: Status

class ResourceLocator(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.ResourceLocator``"""

    name: str
    dynamic_parameters: collections.abc.Mapping[str, str]

class ResourceMonitor(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.ResourceMonitor``"""

    name: str
    typed_config: Any

class ResourceName(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.ResourceName``"""

    name: str
    dynamic_parameter_constraints: DynamicParameterConstraints

class ResponseDirectionConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.Compressor.ResponseDirectionConfig``"""

    common_config: CommonDirectionConfig
    disable_on_etag_header: bool
    remove_accept_encoding_header: bool
    uncompressible_response_codes: collections.abc.Sequence[int]
    status_header_enabled: bool
    weaken_etag_on_compress: bool

class ResponseDirectionOverrides(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.compressor.v3.ResponseDirectionOverrides``"""

    remove_accept_encoding_header: BoolValue

class ResponseFlagFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.ResponseFlagFilter``"""

    flags: _Strings

class ResponseFlags(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.ResponseFlags``"""

    failed_local_healthcheck: bool
    no_healthy_upstream: bool
    upstream_request_timeout: bool
    local_reset: bool
    upstream_remote_reset: bool
    upstream_connection_failure: bool
    upstream_connection_termination: bool
    upstream_overflow: bool
    no_route_found: bool
    delay_injected: bool
    fault_injected: bool
    rate_limited: bool
    unauthorized_details: Unauthorized
    rate_limit_service_error: bool
    downstream_connection_termination: bool
    upstream_retry_limit_exceeded: bool
    stream_idle_timeout: bool
    invalid_envoy_request_headers: bool
    downstream_protocol_error: bool
    upstream_max_stream_duration_reached: bool
    response_from_cache_filter: bool
    no_filter_config_found: bool
    duration_timeout: bool
    upstream_protocol_error: bool
    no_cluster_found: bool
    overload_manager: bool
    dns_resolution_failure: bool
    downstream_remote_reset: bool

class ResponseMapper(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper``"""

    filter: AccessLogFilter
    status_code: UInt32Value
    body: DataSource
    body_format_override: SubstitutionFormatString
    headers_to_add: collections.abc.Sequence[HeaderValueOption]

class RetryBackOff(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy.RetryBackOff``"""

    base_interval: Duration
    max_interval: Duration

class RetryBudget(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget``"""

    budget_percent: Percent
    min_retry_concurrency: UInt32Value
    budget_interval: Duration

class RingHashLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.RingHashLbConfig``"""

    minimum_ring_size: UInt64Value
    hash_function: HashFunction
    maximum_ring_size: UInt64Value

class RoundRobinLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.RoundRobinLbConfig``"""

    slow_start_config: SlowStartConfig

class Route(typing.TypedDict, total=False):
    """``envoy.config.route.v3.Route``"""

    match: RouteMatch
    route: RouteAction
    redirect: RedirectAction
    metadata: Metadata
    decorator: Decorator
    direct_response: DirectResponseAction
    request_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_remove: _Strings
    request_headers_to_remove: _Strings
    typed_per_filter_config: collections.abc.Mapping[str, Any]
    name: str
    tracing: RouteTracing
    per_request_buffer_limit_bytes: UInt32Value
    filter_action: FilterAction
    non_forwarding_action: NonForwardingAction
    stat_prefix: str
    request_body_buffer_limit: UInt64Value

class RouteAction(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction``"""

    cluster: str
    cluster_header: str
    weighted_clusters: WeightedCluster
    metadata_match: Metadata
    prefix_rewrite: str
    host_rewrite_literal: str
    auto_host_rewrite: BoolValue
    timeout: Duration
    retry_policy: RouteRetryPolicy
    priority: RoutingPriority
    rate_limits: collections.abc.Sequence[RateLimit]
    include_vh_rate_limits: BoolValue
    hash_policy: collections.abc.Sequence[RouteActionHashPolicy]
    cors: RouteCorsPolicy
    cluster_not_found_response_code: ClusterNotFoundResponseCode
    max_grpc_timeout: Duration
    idle_timeout: Duration
    upgrade_configs: collections.abc.Sequence[RouteActionUpgradeConfig]
    internal_redirect_action: InternalRedirectAction
    hedge_policy: HedgePolicy
    grpc_timeout_offset: Duration
    host_rewrite_header: str
    request_mirror_policies: collections.abc.Sequence[RequestMirrorPolicy]
    max_internal_redirects: UInt32Value
    regex_rewrite: RegexMatchAndSubstitute
    retry_policy_typed_config: Any
    internal_redirect_policy: InternalRedirectPolicy
    host_rewrite_path_regex: RegexMatchAndSubstitute
    max_stream_duration: MaxStreamDuration
    cluster_specifier_plugin: str
    append_x_forwarded_host: bool
    inline_cluster_specifier_plugin: ClusterSpecifierPlugin
    early_data_policy: TypedExtensionConfig
    path_rewrite_policy: TypedExtensionConfig
    flush_timeout: Duration
    host_rewrite: str
    path_rewrite: str

class RouteActionHashPolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy``"""

    header: HashPolicyHeader
    cookie: Cookie
    connection_properties: HashPolicyConnectionProperties
    terminal: bool
    query_parameter: QueryParameter
    filter_state: RouteActionHashPolicyFilterState

class RouteActionHashPolicyFilterState(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.HashPolicy.FilterState``"""

    key: str

class RouteActionUpgradeConfig(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteAction.UpgradeConfig``"""

    upgrade_type: str
    enabled: BoolValue
    connect_config: ConnectConfig

class RouteConfiguration(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteConfiguration``"""

    name: str
    virtual_hosts: collections.abc.Sequence[VirtualHost]
    internal_only_headers: _Strings
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_remove: _Strings
    request_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    validate_clusters: BoolValue
    request_headers_to_remove: _Strings
    vhds: Vhds
    most_specific_header_mutations_wins: bool
    max_direct_response_body_size_bytes: UInt32Value
    cluster_specifier_plugins: collections.abc.Sequence[ClusterSpecifierPlugin]
    request_mirror_policies: collections.abc.Sequence[RequestMirrorPolicy]
    ignore_port_in_host_matching: bool
    ignore_path_parameters_in_path_matching: bool
    typed_per_filter_config: collections.abc.Mapping[str, Any]
    metadata: Metadata
    vhost_header: str

class RouteCorsPolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.CorsPolicy``"""

    allow_methods: str
    allow_headers: str
    expose_headers: str
    max_age: str
    allow_credentials: BoolValue
    filter_enabled: RuntimeFractionalPercent
    shadow_enabled: RuntimeFractionalPercent
    allow_origin_string_match: collections.abc.Sequence[StringMatcher]
    allow_private_network_access: BoolValue
    forward_not_matching_preflights: BoolValue

class RouteMatch(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteMatch``"""

    prefix: str
    path: str
    case_sensitive: BoolValue
    headers: collections.abc.Sequence[HeaderMatcher]
    query_parameters: collections.abc.Sequence[QueryParameterMatcher]
    grpc: GrpcRouteMatchOptions
    runtime_fraction: RuntimeFractionalPercent
    safe_regex: RegexMatcher
    tls_context: TlsContextMatchOptions
    connect_matcher: ConnectMatcher
    dynamic_metadata: collections.abc.Sequence[MetadataMatcher]
    path_separated_prefix: str
    path_match_policy: TypedExtensionConfig
    filter_state: collections.abc.Sequence[FilterStateMatcher]
    cookies: collections.abc.Sequence[CookieMatcher]

class RouteRetryPolicy(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy``"""

    retry_on: str
    num_retries: UInt32Value
    per_try_timeout: Duration
    retry_priority: RouteRetryPolicyRetryPriority
    retry_host_predicate: collections.abc.Sequence[RouteRetryPolicyRetryHostPredicate]
    host_selection_retry_max_attempts: int
    retriable_status_codes: collections.abc.Sequence[int]
    retry_back_off: RetryBackOff
    retriable_headers: collections.abc.Sequence[HeaderMatcher]
    retriable_request_headers: collections.abc.Sequence[HeaderMatcher]
    rate_limited_retry_back_off: RateLimitedRetryBackOff
    retry_options_predicates: collections.abc.Sequence[TypedExtensionConfig]
    per_try_idle_timeout: Duration
    refresh_cluster_on_retry: bool

class RouteRetryPolicyRetryHostPredicate(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy.RetryHostPredicate``"""

    name: str
    typed_config: Any

class RouteRetryPolicyRetryPriority(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RetryPolicy.RetryPriority``"""

    name: str
    typed_config: Any

class RouteTracing(typing.TypedDict, total=False):
    """``envoy.config.route.v3.Tracing``"""

    client_sampling: FractionalPercent
    random_sampling: FractionalPercent
    overall_sampling: FractionalPercent
    custom_tags: collections.abc.Sequence[CustomTag]
    operation: str
    upstream_operation: str

class RouteWeightedClusterClusterWeight(typing.TypedDict, total=False):
    """``envoy.config.route.v3.WeightedCluster.ClusterWeight``"""

    name: str
    weight: UInt32Value
    metadata_match: Metadata
    request_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_remove: _Strings
    request_headers_to_remove: _Strings
    typed_per_filter_config: collections.abc.Mapping[str, Any]
    host_rewrite_literal: str
    cluster_header: str

class Router(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.router.v3.Router``"""

    dynamic_stats: BoolValue
    start_child_span: bool
    upstream_log: collections.abc.Sequence[AccessLog]
    suppress_envoy_headers: bool
    strict_check_headers: _Strings
    respect_expected_rq_timeout: bool
    suppress_grpc_request_failure_code_stats: bool
    upstream_http_filters: collections.abc.Sequence[HttpFilter]
    upstream_log_options: UpstreamAccessLogOptions
    reject_connect_request_early_data: BoolValue

# envoy.config.core.v3.RoutingPriority
RoutingPriority: typing.TypeAlias = typing.Literal["DEFAULT", "HIGH"]

class RtdsLayer(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer``"""

    name: str
    rtds_config: ConfigSource

class Rule(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule``"""

    tlv_type: int
    on_tlv_present: ProxyProtocolKeyValuePair

class Runtime(typing.TypedDict, total=False):
    """``envoy.service.runtime.v3.Runtime``"""

    name: str
    layer: google.protobuf.message.Message

class RuntimeDouble(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RuntimeDouble``"""

    default_value: float
    runtime_key: str

class RuntimeFeatureFlag(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RuntimeFeatureFlag``"""

    default_value: BoolValue
    runtime_key: str

class RuntimeFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.RuntimeFilter``"""

    runtime_key: str
    percent_sampled: FractionalPercent
    use_independent_randomness: bool

class RuntimeFractionalPercent(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RuntimeFractionalPercent``"""

    default_value: FractionalPercent
    runtime_key: str

class RuntimeLayer(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.RuntimeLayer``"""

    name: str
    static_layer: google.protobuf.message.Message
    disk_layer: DiskLayer
    admin_layer: AdminLayer
    rtds_layer: RtdsLayer

class RuntimeUInt32(typing.TypedDict, total=False):
    """``envoy.config.core.v3.RuntimeUInt32``"""

    default_value: int
    runtime_key: str

# envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType
SanType: typing.TypeAlias = typing.Literal[
    "SAN_TYPE_UNSPECIFIED",
    "EMAIL",
    "DNS",
    "URI",
    "IP_ADDRESS",
    "OTHER_NAME",
]

class ScaledTrigger(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.ScaledTrigger``"""

    scaling_threshold: float
    saturation_threshold: float

class SchemeHeaderTransformation(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SchemeHeaderTransformation``"""

    scheme_to_overwrite: str
    match_upstream: bool

class ScopeKeyBuilder(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes.ScopeKeyBuilder``"""

    fragments: collections.abc.Sequence[FragmentBuilder]

class ScopedRds(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRds``"""

    scoped_rds_config_source: ConfigSource
    srds_resources_locator: str

class ScopedRouteConfiguration(typing.TypedDict, total=False):
    """``envoy.config.route.v3.ScopedRouteConfiguration``"""

    name: str
    route_configuration_name: str
    key: Key
    on_demand: bool
    route_configuration: RouteConfiguration

class ScopedRouteConfigurationsList(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRouteConfigurationsList``"""

    scoped_route_configurations: collections.abc.Sequence[ScopedRouteConfiguration]

class ScopedRoutes(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes``"""

    name: str
    scope_key_builder: ScopeKeyBuilder
    rds_config_source: ConfigSource
    scoped_route_configurations_list: ScopedRouteConfigurationsList
    scoped_rds: ScopedRds

class SdsSecretConfig(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig``"""

    name: str
    sds_config: ConfigSource

class Secret(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.Secret``"""

    name: str
    tls_certificate: TlsCertificate
    session_ticket_keys: TlsSessionTicketKeys
    validation_context: CertificateValidationContext
    generic_secret: GenericSecret

class Select(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Expr.Select``"""

    operand: Expr
    field: str
    test_only: bool

class SelfConfigSource(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SelfConfigSource``"""

    transport_api_version: ApiVersion

class SemanticVersion(typing.TypedDict, total=False):
    """``envoy.type.v3.SemanticVersion``"""

    major_number: int
    minor_number: int
    patch: int

# envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation
ServerHeaderTransformation: typing.TypeAlias = typing.Literal[
    "OVERWRITE",
    "APPEND_IF_ABSENT",
    "PASS_THROUGH",
]

class ServerNameInput(typing.TypedDict, total=False):
    """``envoy.extensions.matching.common_inputs.network.v3.ServerNameInput``"""

class ServiceAccountJWTAccessCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials``"""

    json_key: str
    token_lifetime_seconds: int

class SetCurrentClientCertDetails(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails``"""

    subject: BoolValue
    cert: bool
    dns: bool
    uri: bool
    chain: bool
    format: ForwardClientCertFormat

class SettingsParameter(typing.TypedDict, total=False):
    """``envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter``"""

    identifier: UInt32Value
    value: UInt32Value

class SingleConstraint(typing.TypedDict, total=False):
    """``envoy.service.discovery.v3.DynamicParameterConstraints.SingleConstraint``"""

    key: str
    value: str
    exists: Exists

class SinglePredicate(typing.TypedDict, total=False):
    """``envoy.config.common.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate``"""

    input: TypedExtensionConfig
    value_match: StringMatcher
    custom_match: TypedExtensionConfig

class SkipFilter(typing.TypedDict, total=False):
    """``envoy.extensions.filters.common.matcher.action.v3.SkipFilter``"""

class SlowStartConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.SlowStartConfig``"""

    slow_start_window: Duration
    aggression: RuntimeDouble
    min_weight_percent: Percent

class SocketAddress(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketAddress``"""

    protocol: Protocol
    address: str
    port_value: int
    named_port: str
    resolver_name: str
    ipv4_compat: bool
    network_namespace_filepath: str

class SocketCmsgHeaders(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketCmsgHeaders``"""

    level: UInt32Value
    type: UInt32Value
    expected_size: int

# envoy.config.core.v3.SocketOption.SocketIpVersion
SocketIpVersion: typing.TypeAlias = typing.Literal[
    "SOCKET_IP_VERSION_UNSPECIFIED",
    "SOCKET_IP_VERSION_IPV4",
    "SOCKET_IP_VERSION_IPV6",
]

class SocketOption(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketOption``"""

    description: str
    level: int
    name: int
    int_value: int
    buf_value: bytes
    state: SocketState
    type: SocketType
    ip_version: SocketIpVersion

class SocketOptionsOverride(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketOptionsOverride``"""

    socket_options: collections.abc.Sequence[SocketOption]

# envoy.config.core.v3.SocketOption.SocketState
SocketState: typing.TypeAlias = typing.Literal["STATE_PREBIND", "STATE_BOUND", "STATE_LISTENING"]

class SocketType(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketOption.SocketType``"""

    stream: Stream
    datagram: Datagram

# envoy.config.route.v3.RateLimit.Action.MetaData.Source
Source: typing.TypeAlias = typing.Literal[
    "DYNAMIC",
    "ROUTE_ENTRY",
    "CLUSTER_ENTRY",
    "CLUSTER_LOCALITY_ENTRY",
]

class SourceCluster(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RateLimit.Action.SourceCluster``"""

class SourceInfo(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.SourceInfo``"""

    syntax_version: str
    location: str
    line_offsets: collections.abc.Sequence[int]
    positions: collections.abc.Mapping[int, int]
    macro_calls: collections.abc.Mapping[int, Expr]
    extensions: collections.abc.Sequence[SourceInfoExtension]

class SourceInfoExtension(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.SourceInfo.Extension``"""

    id: str
    affected_components: collections.abc.Sequence[Component]
    version: ExtensionVersion

class SourceIp(typing.TypedDict, total=False):
    """``envoy.type.v3.HashPolicy.SourceIp``"""

class SourcedMetadata(typing.TypedDict, total=False):
    """``envoy.config.rbac.v3.SourcedMetadata``"""

    metadata_matcher: MetadataMatcher
    metadata_source: MetadataSource

class SslCredentials(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials``"""

    root_certs: DataSource
    private_key: DataSource
    cert_chain: DataSource

class StaticResources(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Bootstrap.StaticResources``"""

    listeners: collections.abc.Sequence[Listener]
    clusters: collections.abc.Sequence[Cluster]
    secrets: collections.abc.Sequence[Secret]

class StatsConfig(typing.TypedDict, total=False):
    """``envoy.config.metrics.v3.StatsConfig``"""

    stats_tags: collections.abc.Sequence[TagSpecifier]
    use_all_default_tags: BoolValue
    stats_matcher: StatsMatcher
    histogram_bucket_settings: collections.abc.Sequence[HistogramBucketSettings]
    allow_default_tag_overrides: BoolValue

class StatsMatcher(typing.TypedDict, total=False):
    """``envoy.config.metrics.v3.StatsMatcher``"""

    reject_all: bool
    exclusion_list: ListStringMatcher
    inclusion_list: ListStringMatcher

class StatsSink(typing.TypedDict, total=False):
    """``envoy.config.metrics.v3.StatsSink``"""

    name: str
    typed_config: Any

class Status(typing.TypedDict, total=False):
    """``google.rpc.Status``"""

    code: int
    message: str
    details: collections.abc.Sequence[Any]

# envoy.type.v3.StatusCode
StatusCode: typing.TypeAlias = typing.Literal[
    "Empty",
    "Continue",
    "OK",
    "Created",
    "Accepted",
    "NonAuthoritativeInformation",
    "NoContent",
    "ResetContent",
    "PartialContent",
    "MultiStatus",
    "AlreadyReported",
    "IMUsed",
    "MultipleChoices",
    "MovedPermanently",
    "Found",
    "SeeOther",
    "NotModified",
    "UseProxy",
    "TemporaryRedirect",
    "PermanentRedirect",
    "BadRequest",
    "Unauthorized",
    "PaymentRequired",
    "Forbidden",
    "NotFound",
    "MethodNotAllowed",
    "NotAcceptable",
    "ProxyAuthenticationRequired",
    "RequestTimeout",
    "Conflict",
    "Gone",
    "LengthRequired",
    "PreconditionFailed",
    "PayloadTooLarge",
    "URITooLong",
    "UnsupportedMediaType",
    "RangeNotSatisfiable",
    "ExpectationFailed",
    "MisdirectedRequest",
    "UnprocessableEntity",
    "Locked",
    "FailedDependency",
    "UpgradeRequired",
    "PreconditionRequired",
    "TooManyRequests",
    "RequestHeaderFieldsTooLarge",
    "InternalServerError",
    "NotImplemented",
    "BadGateway",
    "ServiceUnavailable",
    "GatewayTimeout",
    "HTTPVersionNotSupported",
    "VariantAlsoNegotiates",
    "InsufficientStorage",
    "LoopDetected",
    "NotExtended",
    "NetworkAuthenticationRequired",
]

class StatusCodeFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.StatusCodeFilter``"""

    comparison: ComparisonFilter

class StdoutAccessLog(typing.TypedDict, total=False):
    """``envoy.extensions.access_loggers.stream.v3.StdoutAccessLog``"""

    log_format: SubstitutionFormatString

class Stream(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SocketOption.SocketType.Stream``"""

class StreamAccessLogsMessage(typing.TypedDict, total=False):
    """``envoy.service.accesslog.v3.StreamAccessLogsMessage``"""

    identifier: Identifier
    http_logs: HTTPAccessLogEntries
    tcp_logs: TCPAccessLogEntries

class StreamAccessLogsResponse(typing.TypedDict, total=False):
    """``envoy.service.accesslog.v3.StreamAccessLogsResponse``"""

class StringMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.StringMatcher``"""

    exact: str
    prefix: str
    suffix: str
    safe_regex: RegexMatcher
    ignore_case: bool
    contains: str
    custom: CoreTypedExtensionConfig

class StringValue(typing.TypedDict, total=False):
    """``google.protobuf.StringValue``"""

    value: str

class StsService(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.StsService``"""

    token_exchange_service_uri: str
    resource: str
    audience: str
    scope: str
    requested_token_type: str
    subject_token_path: str
    subject_token_type: str
    actor_token_path: str
    actor_token_type: str

class SubjectAltName(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.TLSProperties.CertificateProperties.SubjectAltName``"""

    uri: str
    dns: str

class SubjectAltNameMatcher(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher``"""

    san_type: SanType
    matcher: StringMatcher
    oid: str

class SubstitutionFormatString(typing.TypedDict, total=False):
    """``envoy.config.core.v3.SubstitutionFormatString``"""

    text_format: str
    json_format: google.protobuf.message.Message
    omit_empty_values: bool
    content_type: str
    text_format_source: DataSource
    formatters: collections.abc.Sequence[TypedExtensionConfig]
    json_format_options: JsonFormatOptions

class SystemRootCerts(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.SystemRootCerts``"""

class TCPAccessLogEntries(typing.TypedDict, total=False):
    """``envoy.service.accesslog.v3.StreamAccessLogsMessage.TCPAccessLogEntries``"""

    log_entry: collections.abc.Sequence[TCPAccessLogEntry]

class TCPAccessLogEntry(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.TCPAccessLogEntry``"""

    common_properties: AccessLogCommon
    connection_properties: ConnectionProperties

class TLSProperties(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.TLSProperties``"""

    tls_version: TlsPropertiesTlsVersion
    tls_cipher_suite: UInt32Value
    tls_sni_hostname: str
    local_certificate_properties: CertificateProperties
    peer_certificate_properties: CertificateProperties
    tls_session_id: str
    ja3_fingerprint: str

class TagSpecifier(typing.TypedDict, total=False):
    """``envoy.config.metrics.v3.TagSpecifier``"""

    tag_name: str
    regex: str
    fixed_value: str

class TcpAccessLogOptions(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions``"""

    access_log_flush_interval: Duration
    flush_access_log_on_connected: bool
    flush_access_log_on_start: bool

class TcpHealthCheck(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.TcpHealthCheck``"""

    send: Payload
    receive: collections.abc.Sequence[Payload]
    proxy_protocol_config: ProxyProtocolConfig

class TcpKeepalive(typing.TypedDict, total=False):
    """``envoy.config.core.v3.TcpKeepalive``"""

    keepalive_probes: UInt32Value
    keepalive_time: UInt32Value
    keepalive_interval: UInt32Value

class TcpProxy(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy``"""

    stat_prefix: str
    cluster: str
    downstream_idle_timeout: Duration
    upstream_idle_timeout: Duration
    access_log: collections.abc.Sequence[AccessLog]
    max_connect_attempts: UInt32Value
    idle_timeout: Duration
    metadata_match: Metadata
    weighted_clusters: TcpProxyWeightedCluster
    hash_policy: collections.abc.Sequence[HashPolicy]
    tunneling_config: TunnelingConfig
    max_downstream_connection_duration: Duration
    on_demand: OnDemand
    access_log_flush_interval: Duration
    flush_access_log_on_connected: bool
    access_log_options: TcpAccessLogOptions
    backoff_options: BackoffStrategy
    proxy_protocol_tlvs: collections.abc.Sequence[TlvEntry]
    max_downstream_connection_duration_jitter_percentage: Percent
    upstream_connect_mode: UpstreamConnectMode
    max_early_data_bytes: UInt32Value
    proxy_protocol_tlv_merge_policy: ProxyProtocolTlvMergePolicy
    check_drain_close: BoolValue

class TcpProxyWeightedCluster(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster``"""

    clusters: collections.abc.Sequence[TcpProxyWeightedClusterClusterWeight]

class TcpProxyWeightedClusterClusterWeight(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight``"""

    name: str
    weight: int
    metadata_match: Metadata

class ThresholdTrigger(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.ThresholdTrigger``"""

    value: float

class Thresholds(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds``"""

    priority: RoutingPriority
    max_connections: UInt32Value
    max_pending_requests: UInt32Value
    max_requests: UInt32Value
    max_retries: UInt32Value
    track_remaining: bool
    max_connection_pools: UInt32Value
    retry_budget: RetryBudget

class Timestamp(typing.TypedDict, total=False):
    """``google.protobuf.Timestamp``"""

    seconds: int
    nanos: int

class TlsCertificate(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.TlsCertificate``"""

    certificate_chain: DataSource
    private_key: DataSource
    password: DataSource
    ocsp_staple: DataSource
    signed_certificate_timestamp: collections.abc.Sequence[DataSource]
    private_key_provider: PrivateKeyProvider
    watched_directory: WatchedDirectory
    pkcs12: DataSource

class TlsContextMatchOptions(typing.TypedDict, total=False):
    """``envoy.config.route.v3.RouteMatch.TlsContextMatchOptions``"""

    presented: BoolValue
    validated: BoolValue

class TlsInspector(typing.TypedDict, total=False):
    """``envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector``"""

    enable_ja3_fingerprinting: BoolValue
    initial_read_buffer_size: UInt32Value
    enable_ja4_fingerprinting: BoolValue
    close_connection_on_client_hello_parsing_errors: bool
    max_client_hello_size: UInt32Value

class TlsKeyLog(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.TlsKeyLog``"""

    path: str
    local_address_range: collections.abc.Sequence[CidrRange]
    remote_address_range: collections.abc.Sequence[CidrRange]

class TlsOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.HealthCheck.TlsOptions``"""

    alpn_protocols: _Strings

class TlsParameters(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.TlsParameters``"""

    tls_minimum_protocol_version: TlsProtocol
    tls_maximum_protocol_version: TlsProtocol
    cipher_suites: _Strings
    ecdh_curves: _Strings
    signature_algorithms: _Strings
    compliance_policies: collections.abc.Sequence[CompliancePolicy]

# envoy.data.accesslog.v3.TlsPropertiesTlsVersion
TlsPropertiesTlsVersion: typing.TypeAlias = typing.Literal[
    "VERSION_UNSPECIFIED",
    "TLSv1",
    "TLSv1_1",
    "TLSv1_2",
    "TLSv1_3",
]

# envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
TlsProtocol: typing.TypeAlias = typing.Literal[
    "TLS_AUTO",
    "TLSv1_0",
    "TLSv1_1",
    "TLSv1_2",
    "TLSv1_3",
]

# envoy.config.route.v3.VirtualHost.TlsRequirementType
TlsRequirementType: typing.TypeAlias = typing.Literal["NONE", "EXTERNAL_ONLY", "ALL"]

class TlsSessionTicketKeys(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys``"""

    keys: collections.abc.Sequence[DataSource]

class TlvEntry(typing.TypedDict, total=False):
    """``envoy.config.core.v3.TlvEntry``"""

    type: int
    value: bytes
    format_string: SubstitutionFormatString

# envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.TlvLocation
TlvLocation: typing.TypeAlias = typing.Literal["DYNAMIC_METADATA", "FILTER_STATE"]

class TokenBucket(typing.TypedDict, total=False):
    """``envoy.type.v3.TokenBucket``"""

    max_tokens: int
    tokens_per_fill: UInt32Value
    fill_interval: Duration

class TraceTracing(typing.TypedDict, total=False):
    """``envoy.config.trace.v3.Tracing``"""

    http: Http

class TraceableFilter(typing.TypedDict, total=False):
    """``envoy.config.accesslog.v3.TraceableFilter``"""

class TrackClusterStats(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.TrackClusterStats``"""

    timeout_budgets: bool
    request_response_sizes: bool
    per_endpoint_stats: bool

# envoy.config.core.v3.TrafficDirection
TrafficDirection: typing.TypeAlias = typing.Literal["UNSPECIFIED", "INBOUND", "OUTBOUND"]

class TransportSocket(typing.TypedDict, total=False):
    """``envoy.config.core.v3.TransportSocket``"""

    name: str
    typed_config: Any

class TransportSocketMatch(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.TransportSocketMatch``"""

    name: str
    match: google.protobuf.message.Message
    transport_socket: TransportSocket

class Trigger(typing.TypedDict, total=False):
    """``envoy.config.overload.v3.Trigger``"""

    name: str
    threshold: ThresholdTrigger
    scaled: ScaledTrigger

# envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification
TrustChainVerification: typing.TypeAlias = typing.Literal["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"]

class TunnelingConfig(typing.TypedDict, total=False):
    """``envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig``"""

    hostname: str
    use_post: bool
    headers_to_add: collections.abc.Sequence[HeaderValueOption]
    propagate_response_headers: bool
    post_path: str
    propagate_response_trailers: bool
    request_id_extension: RequestIDExtension
    request_id_header: str
    request_id_metadata_key: str
    formatters: collections.abc.Sequence[TypedExtensionConfig]

class Type(typing.TypedDict, total=False):
    """``google.api.expr.v1alpha1.Type``"""

    dyn: Empty
    null: NullValue
    primitive: PrimitiveType
    wrapper: PrimitiveType
    well_known: WellKnownType
    list_type: ListType
    map_type: MapType
    function: FunctionType
    message_type: str
    type_param: str
    type: Type
    error: Empty
    abstract_type: AbstractType

class TypeHashPolicyFilterState(typing.TypedDict, total=False):
    """``envoy.type.v3.HashPolicy.FilterState``"""

    key: str

class TypedExtensionConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.TypedExtensionConfig``"""

    name: str
    typed_config: Any

class UInt32Value(typing.TypedDict, total=False):
    """``google.protobuf.UInt32Value``"""

    value: int

class UInt64Value(typing.TypedDict, total=False):
    """``google.protobuf.UInt64Value``"""

    value: int

class UdpListenerConfig(typing.TypedDict, total=False):
    """``envoy.config.listener.v3.UdpListenerConfig``"""

    downstream_socket_config: UdpSocketConfig
    quic_options: ListenerQuicProtocolOptions
    udp_packet_packet_writer_config: TypedExtensionConfig

class UdpSocketConfig(typing.TypedDict, total=False):
    """``envoy.config.core.v3.UdpSocketConfig``"""

    max_rx_datagram_size: UInt64Value
    prefer_gro: BoolValue

class Unauthorized(typing.TypedDict, total=False):
    """``envoy.data.accesslog.v3.ResponseFlags.Unauthorized``"""

    reason: Reason

class UpstreamAccessLogOptions(typing.TypedDict, total=False):
    """``envoy.extensions.filters.http.router.v3.Router.UpstreamAccessLogOptions``"""

    flush_upstream_log_on_upstream_stream: bool
    upstream_log_flush_interval: Duration

# envoy.extensions.filters.network.tcp_proxy.v3.UpstreamConnectMode
UpstreamConnectMode: typing.TypeAlias = typing.Literal[
    "IMMEDIATE",
    "ON_DOWNSTREAM_DATA",
    "ON_DOWNSTREAM_TLS_HANDSHAKE",
]

class UpstreamConnectionOptions(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.UpstreamConnectionOptions``"""

    tcp_keepalive: TcpKeepalive
    set_local_interface_name_on_upstream_connections: bool
    happy_eyeballs_config: HappyEyeballsConfig

class UpstreamHttpProtocolOptions(typing.TypedDict, total=False):
    """``envoy.config.core.v3.UpstreamHttpProtocolOptions``"""

    auto_sni: bool
    auto_san_validation: bool
    override_auto_sni_header: str

class UpstreamTlsContext(typing.TypedDict, total=False):
    """``envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext``"""

    common_tls_context: CommonTlsContext
    sni: str
    allow_renegotiation: bool
    max_session_keys: UInt32Value
    enforce_rsa_key_usage: BoolValue
    auto_host_sni: bool
    auto_sni_san_validation: bool

class UseDownstreamHttpConfig(typing.TypedDict, total=False):
    """``envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig``"""

    http_protocol_options: Http1ProtocolOptions
    http2_protocol_options: Http2ProtocolOptions
    http3_protocol_options: Http3ProtocolOptions

class Value(typing.TypedDict, total=False):
    """``envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs.Value``"""

    string_value: str
    int_value: int

class ValueMatcher(typing.TypedDict, total=False):
    """``envoy.type.matcher.v3.ValueMatcher``"""

    null_match: NullMatch
    double_match: DoubleMatcher
    string_match: StringMatcher
    bool_match: bool
    present_match: bool
    list_match: ListMatcher
    or_match: OrMatcher

# envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair.ValueStringEncoding
ValueStringEncoding: typing.TypeAlias = typing.Literal["UNSPECIFIED", "SANITIZED_UTF8", "BASE64"]

# envoy.config.core.v3.ProxyProtocolConfig.Version
Version: typing.TypeAlias = typing.Literal["V1", "V2"]

# envoy.extensions.common.ratelimit.v3.VhRateLimitsOptions
VhRateLimitsOptions: typing.TypeAlias = typing.Literal["OVERRIDE", "INCLUDE", "IGNORE"]

class Vhds(typing.TypedDict, total=False):
    """``envoy.config.route.v3.Vhds``"""

    config_source: ConfigSource

class VirtualCluster(typing.TypedDict, total=False):
    """``envoy.config.route.v3.VirtualCluster``"""

    name: str
    headers: collections.abc.Sequence[HeaderMatcher]

class VirtualHost(typing.TypedDict, total=False):
    """``envoy.config.route.v3.VirtualHost``"""

    name: str
    domains: _Strings
    routes: collections.abc.Sequence[Route]
    require_tls: TlsRequirementType
    virtual_clusters: collections.abc.Sequence[VirtualCluster]
    rate_limits: collections.abc.Sequence[RateLimit]
    request_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    cors: RouteCorsPolicy
    response_headers_to_add: collections.abc.Sequence[HeaderValueOption]
    response_headers_to_remove: _Strings
    request_headers_to_remove: _Strings
    include_request_attempt_count: bool
    typed_per_filter_config: collections.abc.Mapping[str, Any]
    retry_policy: RouteRetryPolicy
    hedge_policy: HedgePolicy
    per_request_buffer_limit_bytes: UInt32Value
    include_attempt_count_in_response: bool
    retry_policy_typed_config: Any
    matcher: MatcherMatcher
    request_mirror_policies: collections.abc.Sequence[RequestMirrorPolicy]
    include_is_timeout_retry_header: bool
    metadata: Metadata
    request_body_buffer_limit: UInt64Value

class Watchdog(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Watchdog``"""

    miss_timeout: Duration
    megamiss_timeout: Duration
    kill_timeout: Duration
    multikill_timeout: Duration
    multikill_threshold: Percent
    max_kill_timeout_jitter: Duration
    actions: collections.abc.Sequence[WatchdogAction]

class WatchdogAction(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Watchdog.WatchdogAction``"""

    config: TypedExtensionConfig
    event: WatchdogEvent

# envoy.config.bootstrap.v3.Watchdog.WatchdogAction.WatchdogEvent
WatchdogEvent: typing.TypeAlias = typing.Literal["UNKNOWN", "KILL", "MULTIKILL", "MEGAMISS", "MISS"]

class Watchdogs(typing.TypedDict, total=False):
    """``envoy.config.bootstrap.v3.Watchdogs``"""

    main_thread_watchdog: Watchdog
    worker_watchdog: Watchdog

class WatchedDirectory(typing.TypedDict, total=False):
    """``envoy.config.core.v3.WatchedDirectory``"""

    path: str
    watch_modify: bool

class WeightedCluster(typing.TypedDict, total=False):
    """``envoy.config.route.v3.WeightedCluster``"""

    clusters: collections.abc.Sequence[RouteWeightedClusterClusterWeight]
    runtime_key_prefix: str
    total_weight: UInt32Value
    header_name: str
    use_hash_policy: BoolValue

# google.api.expr.v1alpha1.Type.WellKnownType
WellKnownType: typing.TypeAlias = typing.Literal[
    "WELL_KNOWN_TYPE_UNSPECIFIED",
    "ANY",
    "TIMESTAMP",
    "DURATION",
]

# envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRfcVersion
XRateLimitHeadersRfcVersion: typing.TypeAlias = typing.Literal["OFF", "DRAFT_VERSION_03"]

# envoy.config.route.v3.RateLimit.XRateLimitOption
XRateLimitOption: typing.TypeAlias = typing.Literal["UNSPECIFIED", "OFF", "DRAFT_VERSION_03"]

class XffConfig(typing.TypedDict, total=False):
    """``envoy.extensions.http.original_ip_detection.xff.v3.XffConfig``"""

    xff_num_trusted_hops: int
    xff_trusted_cidrs: XffTrustedCidrs
    skip_xff_append: BoolValue

class XffTrustedCidrs(typing.TypedDict, total=False):
    """``envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs``"""

    cidrs: collections.abc.Sequence[CidrRange]

class ZoneAwareLbConfig(typing.TypedDict, total=False):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig``"""

    routing_enabled: Percent
    min_cluster_size: UInt64Value
    fail_traffic_on_panic: bool
