/// What the server in a cluster may do, and what those may who speak with it. No more than they need.
extension ServerRendering {
    var roles: [KubernetesObject] {
        var objects = [
            role(.clusterRole, Self.account, deploying), role(.clusterRole, "slipway-reviews", Self.reviews),
            binding(.clusterRoleBinding, "slipway-reviews", to: .clusterRole, "slipway-reviews", Self.account),
            role(.role, Self.account, own), binding(.roleBinding, Self.account, to: .role, Self.account, Self.account),
        ]
        if targets.isEmpty {
            objects.append(binding(.clusterRoleBinding, Self.account, to: .clusterRole, Self.account, Self.account))
        }
        for target in targets {
            var bound = binding(.roleBinding, "slipway-deploys", to: .clusterRole, Self.account, Self.account)
            bound.namespace = target
            objects.append(bound)
        }
        for (name, verbs) in [(Self.operatorAccount, ["get", "deploy"]), (Self.viewerAccount, ["get"])] {
            objects += [
                role(.role, name, [rule([RecordKind.group], [Self.environments], verbs)]),
                binding(.roleBinding, name, to: .role, name, name),
                // For people: who is bound to it may speak as the account.
                role(
                    .role, "\(name)s",
                    [
                        rule([""], ["serviceaccounts/token"], ["create"], named: [name]),
                        rule([""], ["services/proxy"], ["get", "create"], named: ["\(Self.name):api"]),
                    ]),
            ]
        }
        return objects
    }

    /// In the namespaces that it deploys to.
    private var deploying: [ObjectValue] {
        let all = ["get", "list", "watch", "create", "update", "patch", "delete"]
        return [
            rule([""], ["namespaces"], ["get", "create", "patch"]),
            rule([""], ["configmaps", "services", "serviceaccounts", "resourcequotas"], all),
            rule([""], ["persistentvolumeclaims"], ["get", "list", "create", "patch"]),
            rule([""], ["pods"], ["get", "list", "watch", "patch", "delete"]),
            rule([""], ["pods/log", "events"], ["get", "list", "watch"]),
            rule([""], ["secrets"], ["get"]),
            rule(["apps"], ["deployments"], all),
            rule(["apps"], ["deployments/scale"], ["get", "patch", "update"]),
            rule(["apps"], ["replicasets"], ["get", "list", "watch"]),
            rule(["batch"], ["jobs", "cronjobs"], all),
            rule(["autoscaling"], ["horizontalpodautoscalers"], all),
            rule(["policy"], ["poddisruptionbudgets"], all),
            rule(["networking.k8s.io"], ["networkpolicies", "ingresses"], all),
            rule(["discovery.k8s.io"], ["endpointslices"], ["get", "list", "watch"]),
            rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], all),
            rule(["gateway.networking.k8s.io"], ["httproutes"], all),
            rule(
                ["networking.istio.io", "security.istio.io"],
                ["virtualservices", "destinationrules", "peerauthentications"], all),
            rule(["keda.sh"], ["scaledobjects"], all),
            rule(["autoscaling.k8s.io"], ["verticalpodautoscalers"], all),
            rule(["monitoring.coreos.com"], ["servicemonitors", "podmonitors"], all),
            rule(["external-secrets.io"], ["externalsecrets"], all),
            rule(["jobset.x-k8s.io"], ["jobsets"], all),
        ]
    }

    /// In its own namespace.
    private var own: [ObjectValue] {
        let records = ["get", "list", "create", "update", "delete"]
        return [
            rule(["coordination.k8s.io"], ["leases"], ["get", "create", "update"]),
            rule([""], ["pods"], ["get", "patch"]),
            hasDefinitions
                ? rule(
                    [RecordKind.group],
                    RecordKind.allCases.flatMap { $0.hasStatus ? [$0.plural, "\($0.plural)/status"] : [$0.plural] },
                    records)
                : rule([""], ["configmaps"], records),
        ]
    }

    /// Whose a token is, and what they may do.
    private static let reviews: [ObjectValue] = [
        rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ]

    private func rule(
        _ groups: [String], _ resources: [String], _ verbs: [String], named: [String] = []
    ) -> ObjectValue { Self.rule(groups, resources, verbs, named: named) }

    private static func rule(
        _ groups: [String], _ resources: [String], _ verbs: [String], named: [String] = []
    ) -> ObjectValue {
        [
            "apiGroups": .texts(groups), "resources": .texts(resources),
            "resourceNames": ObjectValue.texts(named).unlessEmpty, "verbs": .texts(verbs),
        ]
    }

    private func role(_ kind: ObjectKind, _ name: String, _ rules: [ObjectValue]) -> KubernetesObject {
        KubernetesObject(
            kind, name: name, namespace: kind.isNamespaced ? namespace : nil, labels: Self.labels,
            content: [ObjectField("rules", .list(rules))])
    }

    private func binding(
        _ kind: ObjectKind, _ name: String, to role: ObjectKind, _ roleName: String, _ account: String
    ) -> KubernetesObject {
        KubernetesObject(
            kind, name: name, namespace: kind.isNamespaced ? namespace : nil, labels: Self.labels,
            content: [
                ObjectField(
                    "roleRef",
                    [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": .text(role.rawValue), "name": .text(roleName),
                    ]),
                ObjectField(
                    "subjects",
                    [["kind": "ServiceAccount", "name": .text(account), "namespace": .text(namespace)]]),
            ])
    }
}
