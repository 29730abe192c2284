/// What the kinds of a cluster are made of, as the server's schema says it.
/// Source: Kubernetes, `api/openapi-spec/swagger.json`.
enum KindShapes {
    static let selector = ShapeText.shape("!(matchExpressions:[(key:s operator:s values:[s])] matchLabels:{s})")
    static let condition = ShapeText.shape(
        "(lastHeartbeatTime:t lastProbeTime:t lastTransitionTime:t lastUpdateTime:t message:s observedGeneration:i "
            + "reason:s status:s type:s)")
    static let metadata = ShapeText.fields(
        """
        annotations:{s} creationTimestamp:t deletionGracePeriodSeconds:i deletionTimestamp:t finalizers:[s]=
        generateName:s generation:i labels:{s} managedFields:[*] name:s namespace:s
        ownerReferences:[!(apiVersion:s blockOwnerDeletion:b controller:b kind:s name:s uid:s)]/uid
        resourceVersion:s selfLink:s uid:s
        """)

    /// Nothing is known of a kind that is not listed.
    static func of(_ kind: String) -> FieldShape { all[kind] ?? .plain }

    private static let all: [String: FieldShape] = texts.mapValues { ShapeText.fields($0, parts) }

    private static let parts: [String: FieldShape] = {
        var known: [String: FieldShape] = [
            "selector": selector, "condition": condition, "pod": PodShapes.spec, "podStatus": PodShapes.status,
            "meta": metadata,
        ]
        func add(_ name: String, _ text: String) { known[name] = ShapeText.shape(text, known) }
        add("template", "(metadata:@meta spec:@pod)")
        add("conditions", "[@condition]/type")
        add("reference", "!(apiVersion:s fieldPath:s kind:s name:s namespace:s resourceVersion:s uid:s)")
        add("own", "!(apiGroup:s kind:s name:s)")
        add("subjects", "[(apiGroup:s kind:s name:s namespace:s)]")
        add("rules", "[(apiGroups:[s] nonResourceURLs:[s] resourceNames:[s] resources:[s] verbs:[s])]")
        add("strategy", "(rollingUpdate:(maxSurge:p maxUnavailable:p) type:s)")
        add(
            "job",
            "(activeDeadlineSeconds:i backoffLimit:i backoffLimitPerIndex:i completionMode:s completions:i "
                + "managedBy:s manualSelector:b maxFailedIndexes:i parallelism:i podFailurePolicy:(rules:[*]) "
                + "podReplacementPolicy:s selector:@selector successPolicy:(rules:[*]) suspend:b template:@template "
                + "ttlSecondsAfterFinished:i)")
        add("balancer", "(ingress:[*])")
        add("backend", "(resource:@own service:(name:s port:!(name:s number:i)))")
        add(
            "scaling",
            "(policies:[(periodSeconds:i type:s value:i)] selectPolicy:s stabilizationWindowSeconds:i "
                + "tolerance:q)")
        add("netPorts", "[(endPort:i port:p protocol:s)]")
        add("peers", "[(ipBlock:(cidr:s except:[s]) namespaceSelector:@selector podSelector:@selector)]")
        add(
            "claim",
            "(accessModes:[s] dataSource:@own dataSourceRef:* resources:(limits:{q} requests:{q}) selector:@selector "
                + "storageClassName:s volumeAttributesClassName:s volumeMode:s volumeName:s)")
        return known
    }()

    private static let texts: [String: String] = [
        "Namespace": "spec:(finalizers:[s]) status:(conditions:@conditions phase:s)",
        "ConfigMap": "binaryData:{s} data:{s} immutable:b",
        "Secret": "data:{s} immutable:b stringData:{s} type:s",
        "ServiceAccount":
            "automountServiceAccountToken:b imagePullSecrets:[!(name:s)] secrets:[@reference]/name",
        "Pod": "spec:@pod status:@podStatus",
        "Service": """
        spec:(allocateLoadBalancerNodePorts:b clusterIP:s clusterIPs:[s] externalIPs:[s] externalName:s
        externalTrafficPolicy:s healthCheckNodePort:i internalTrafficPolicy:s ipFamilies:[s] ipFamilyPolicy:s
        loadBalancerClass:s loadBalancerIP:s loadBalancerSourceRanges:[s]
        ports:[(appProtocol:s name:s nodePort:i port:i protocol:s targetPort:p)]/port,protocol
        publishNotReadyAddresses:b selector:!{s} sessionAffinity:s
        sessionAffinityConfig:(clientIP:(timeoutSeconds:i)) trafficDistribution:s type:s)
        status:(conditions:@conditions loadBalancer:@balancer)
        """,
        "Event": """
        action:s count:i eventTime:t firstTimestamp:t involvedObject:@reference lastTimestamp:t message:s reason:s
        related:@reference reportingComponent:s reportingInstance:s series:(count:i lastObservedTime:t)
        source:(component:s host:s) type:s
        """,
        "PersistentVolumeClaim": """
        spec:@claim
        status:(accessModes:[s] allocatedResources:{q} capacity:{q} conditions:@conditions phase:s)
        """,
        "ResourceQuota": "spec:(hard:{q} scopeSelector:!* scopes:[s]) status:(hard:{q} used:{q})",
        "Deployment": """
        spec:(minReadySeconds:i paused:b progressDeadlineSeconds:i replicas:i revisionHistoryLimit:i
        selector:@selector strategy:@strategy template:@template)
        status:(availableReplicas:i collisionCount:i conditions:@conditions observedGeneration:i readyReplicas:i
        replicas:i terminatingReplicas:i unavailableReplicas:i updatedReplicas:i)
        """,
        "ReplicaSet": """
        spec:(minReadySeconds:i replicas:i selector:@selector template:@template)
        status:(availableReplicas:i conditions:@conditions fullyLabeledReplicas:i observedGeneration:i
        readyReplicas:i replicas:i terminatingReplicas:i)
        """,
        "Job": """
        spec:@job
        status:(active:i completedIndexes:s completionTime:t conditions:[@condition] failed:i failedIndexes:s
        ready:i startTime:t succeeded:i terminating:i uncountedTerminatedPods:(failed:[s]= succeeded:[s]=))
        """,
        "CronJob": """
        spec:(concurrencyPolicy:s failedJobsHistoryLimit:i jobTemplate:(metadata:@meta spec:@job) schedule:s
        startingDeadlineSeconds:i successfulJobsHistoryLimit:i suspend:b timeZone:s)
        status:(active:[@reference] lastScheduleTime:t lastSuccessfulTime:t)
        """,
        "HorizontalPodAutoscaler": """
        spec:(behavior:(scaleDown:@scaling scaleUp:@scaling) maxReplicas:i metrics:[*] minReplicas:i
        scaleTargetRef:(apiVersion:s kind:s name:s))
        status:(conditions:@conditions currentMetrics:[*] currentReplicas:i desiredReplicas:i lastScaleTime:t
        observedGeneration:i)
        """,
        "PodDisruptionBudget": """
        spec:(maxUnavailable:p minAvailable:p selector:@selector unhealthyPodEvictionPolicy:s)
        status:(conditions:@conditions currentHealthy:i desiredHealthy:i disruptedPods:{t} disruptionsAllowed:i
        expectedPods:i observedGeneration:i)
        """,
        "NetworkPolicy": """
        spec:(egress:[(ports:@netPorts to:@peers)] ingress:[(from:@peers ports:@netPorts)] podSelector:@selector
        policyTypes:[s])
        """,
        "Ingress": """
        spec:(defaultBackend:@backend ingressClassName:s
        rules:[(host:s http:(paths:[(backend:@backend path:s pathType:s)]))]
        tls:[(hosts:[s] secretName:s)]) status:(loadBalancer:@balancer)
        """,
        "EndpointSlice": "addressType:s endpoints:[*] ports:[*]",
        "Lease": """
        spec:(acquireTime:t holderIdentity:s leaseDurationSeconds:i leaseTransitions:i preferredHolder:s
        renewTime:t strategy:s)
        """,
        "CustomResourceDefinition": """
        spec:(conversion:(strategy:s webhook:*) group:s
        names:(categories:[s] kind:s listKind:s plural:s shortNames:[s] singular:s) preserveUnknownFields:b scope:s
        versions:[*])
        status:(acceptedNames:* conditions:@conditions observedGeneration:i storedVersions:[s])
        """,
        "Role": "rules:@rules",
        "ClusterRole": "aggregationRule:* rules:@rules",
        "RoleBinding": "roleRef:@own subjects:@subjects",
        "ClusterRoleBinding": "roleRef:@own subjects:@subjects",
    ]
}
