import Domain
import KubernetesObjects
import Testing

@Suite struct ObjectDifferenceTests {
    private let old: ObjectValue = [
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": [
            "name": "api-r4", "uid": "a", "resourceVersion": "7", "labels": ["slipway.dev/release": "4"],
            "annotations": ["deployment.kubernetes.io/revision": "1"],
        ],
        "spec": [
            "replicas": 2,
            "template": [
                "spec": [
                    "containers": [
                        ["name": "api", "image": "api:4", "args": ["serve", "--fast"]],
                        ["name": "side", "image": "side:1"],
                    ]
                ]
            ],
        ], "status": ["readyReplicas": 2],
    ]

    @Test func whatTheServerKeepsForItselfIsNoDifference() throws {
        var new = old.setting(["metadata", "uid"], to: "b").setting(["metadata", "resourceVersion"], to: "9")
        new = new.setting(["status", "readyReplicas"], to: 0)
        new = new.setting(["metadata", "annotations", "deployment.kubernetes.io/revision"], to: "2")
        #expect(ObjectDifference.changes(from: old, to: new) == [])
    }

    @Test func fieldsAreToldByTheirPathsAndEntriesByTheirNames() throws {
        let containers: ObjectValue = [
            ["name": "first", "image": "first:1"], ["name": "api", "image": "api:5", "args": ["serve"]],
            ["name": "side", "image": "side:1"],
        ]
        let new = old.setting(["metadata", "name"], to: "api-r5")
            .setting(["metadata", "labels", "slipway.dev/release"], to: "5")
            .setting(["spec", "template", "spec", "containers"], to: containers)
        let found = ObjectDifference.changes(from: old, to: new, renamed: ("api-r4", "api-r5"))
        let place = "spec.template.spec.containers"
        #expect(
            found == [
                FieldChange(field: "\(place)[api].args[1]", old: "--fast", new: ""),
                FieldChange(field: "\(place)[api].image", old: "api:4", new: "api:5"),
                FieldChange(field: "\(place)[first].image", old: "", new: "first:1"),
                FieldChange(field: "\(place)[first].name", old: "", new: "first"),
            ])
        #expect(
            ObjectDifference.changes(from: old, to: new).map(\.field).prefix(2)
                == ["metadata.labels.slipway.dev/release", "metadata.name"])
    }

    @Test func anEmptyTextIsNotTheSameAsNone() throws {
        let rules: (ObjectValue) -> ObjectValue = { ["rules": [["apiGroups": $0, "verbs": ["get"]]]] }
        #expect(
            ObjectDifference.changes(from: rules([]), to: rules([""]))
                == [FieldChange(field: "rules[0].apiGroups[0]", old: "", new: "\"\"")])
    }

    @Test func fieldsOfOthersAreNamedWithTheirOwners() throws {
        let object = old.setting(
            ["metadata", "managedFields"],
            to: [
                [
                    "manager": "slipway", "operation": "Apply",
                    "fieldsV1": [
                        "f:spec": [
                            "f:template": [
                                "f:spec": [
                                    "f:containers": [
                                        "k:{\"name\":\"api\"}": [
                                            ".": [:], "f:image": [:],
                                        ]
                                    ]
                                ]
                            ]
                        ]
                    ],
                ],
                [
                    "manager": "autoscaler", "operation": "Update",
                    "fieldsV1": [
                        "f:spec": [
                            "f:replicas": [:],
                            "f:template": [
                                "f:spec": [
                                    "f:containers": [
                                        "k:{\"name\":\"api\"}": [
                                            ".": [:], "f:image": [:], "f:env": ["k:{\"name\":\"A\"}": ["f:value": [:]]],
                                        ]
                                    ]
                                ]
                            ],
                        ], "f:metadata": ["f:annotations": ["f:deployment.kubernetes.io/revision": [:]]],
                    ],
                ],
                [
                    "manager": "kubelet", "subresource": "status", "fieldsV1": ["f:status": ["f:replicas": [:]]],
                ],
            ])
        #expect(
            ObjectDifference.kept(in: object, by: "slipway") == [
                "spec.replicas (autoscaler)", "spec.template.spec.containers[api].env[A].value (autoscaler)",
            ])
    }

    @Test(
        arguments: [
            ("250m", 250), ("2", 2000), ("1.5", 1500), ("1Ki", 1_024_000), ("256Mi", 268_435_456_000),
            ("1k", 1_000_000),
            ("3e2", 300_000), ("100n", 1), ("0", 0), ("x", nil), ("", nil), ("5Q", nil), ("9E", nil),
        ] as [(String, Int64?)])
    func quantitiesAreReadAsKubernetesWritesThem(_ text: String, _ expected: Int64?) {
        #expect(ObjectQuantity.thousandths(text) == expected)
    }
}
