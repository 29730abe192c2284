/// What a pod is made of. Source: Kubernetes, `api/core/v1/types.go`.
enum PodShapes {
    static let spec = ShapeText.fields(
        """
        activeDeadlineSeconds:i affinity:@affinity automountServiceAccountToken:b containers:[@container]/name
        dnsConfig:(nameservers:[s] options:[(name:s value:s)] searches:[s]) dnsPolicy:s enableServiceLinks:b
        ephemeralContainers:[*]/name hostAliases:[(hostnames:[s] ip:s)]/ip hostIPC:b hostNetwork:b hostPID:b hostUsers:b
        hostname:s hostnameOverride:s imagePullSecrets:[!(name:s)]/name initContainers:[@container]/name nodeName:s
        nodeSelector:!{s} os:(name:s) overhead:{q} preemptionPolicy:s priority:i priorityClassName:s
        readinessGates:[(conditionType:s)] resourceClaims:[*]/name resources:@resources restartPolicy:s
        runtimeClassName:s schedulerName:s schedulingGates:[(name:s)]/name securityContext:@podSecurity
        serviceAccount:s serviceAccountName:s setHostnameAsFQDN:b shareProcessNamespace:b subdomain:s
        terminationGracePeriodSeconds:i
        tolerations:[(effect:s key:s operator:s tolerationSeconds:i value:s)]
        topologySpreadConstraints:[@spread]/topologyKey,whenUnsatisfiable volumes:[@volume]/name workloadRef:*
        """, parts)

    static let status = ShapeText.fields(
        """
        allocatedResources:* conditions:[@condition]/type containerStatuses:[*] ephemeralContainerStatuses:[*]
        extendedResourceClaimStatus:* hostIP:s hostIPs:[(ip:s)] initContainerStatuses:[*] message:s
        nominatedNodeName:s observedGeneration:i phase:s podIP:s podIPs:[(ip:s)]/ip qosClass:s reason:s resize:s
        resourceClaimStatuses:[*]/name resources:* startTime:t
        """, ["condition": KindShapes.condition])

    private static let parts: [String: FieldShape] = {
        var known: [String: FieldShape] = ["selector": KindShapes.selector]
        func add(_ name: String, _ text: String) { known[name] = ShapeText.shape(text, known) }
        add("resources", "(claims:[(name:s request:s)]/name limits:{q} requests:{q})")
        add("get", "(host:s httpHeaders:[(name:s value:s)] path:s port:p scheme:s)")
        add("socket", "(host:s port:p)")
        add("handler", "(exec:(command:[s]) httpGet:@get sleep:(seconds:i) tcpSocket:@socket)")
        add(
            "probe",
            "(exec:(command:[s]) failureThreshold:i grpc:(port:i service:s) httpGet:@get initialDelaySeconds:i "
                + "periodSeconds:i successThreshold:i tcpSocket:@socket terminationGracePeriodSeconds:i "
                + "timeoutSeconds:i)")
        add("profile", "(localhostProfile:s type:s)")
        add("seLinux", "(level:s role:s type:s user:s)")
        add(
            "security",
            "(allowPrivilegeEscalation:b appArmorProfile:@profile capabilities:(add:[s] drop:[s]) privileged:b "
                + "procMount:s readOnlyRootFilesystem:b runAsGroup:i runAsNonRoot:b runAsUser:i "
                + "seLinuxOptions:@seLinux seccompProfile:@profile windowsOptions:*)")
        add(
            "podSecurity",
            "(appArmorProfile:@profile fsGroup:i fsGroupChangePolicy:s runAsGroup:i runAsNonRoot:b runAsUser:i "
                + "seLinuxChangePolicy:s seLinuxOptions:@seLinux seccompProfile:@profile supplementalGroups:[i] "
                + "supplementalGroupsPolicy:s sysctls:[(name:s value:s)] windowsOptions:*)")
        add("key", "!(key:s name:s optional:b)")
        add(
            "variable",
            "(name:s value:s valueFrom:(configMapKeyRef:@key fieldRef:!(apiVersion:s fieldPath:s) fileKeyRef:!* "
                + "resourceFieldRef:!(containerName:s divisor:q resource:s) secretKeyRef:@key))")
        add("all", "(name:s optional:b)")
        add(
            "mount",
            "(mountPath:s mountPropagation:s name:s readOnly:b recursiveReadOnly:s subPath:s subPathExpr:s)")
        add("port", "(containerPort:i hostIP:s hostPort:i name:s protocol:s)")
        add(
            "container",
            "(args:[s] command:[s] env:[@variable]/name envFrom:[(configMapRef:@all prefix:s secretRef:@all)] image:s "
                + "imagePullPolicy:s lifecycle:(postStart:@handler preStop:@handler stopSignal:s) "
                + "livenessProbe:@probe name:s ports:[@port]/containerPort,protocol readinessProbe:@probe "
                + "resizePolicy:[(resourceName:s restartPolicy:s)] resources:@resources restartPolicy:s "
                + "restartPolicyRules:[*] securityContext:@security startupProbe:@probe stdin:b stdinOnce:b "
                + "terminationMessagePath:s terminationMessagePolicy:s tty:b "
                + "volumeDevices:[(devicePath:s name:s)]/devicePath volumeMounts:[@mount]/mountPath workingDir:s)")
        add("file", "(key:s mode:i path:s)")
        add(
            "volume",
            "(awsElasticBlockStore:* azureDisk:* azureFile:* cephfs:* cinder:* "
                + "configMap:(defaultMode:i items:[@file] name:s optional:b) "
                + "csi:(driver:s fsType:s nodePublishSecretRef:!(name:s) readOnly:b volumeAttributes:{s}) "
                + "downwardAPI:(defaultMode:i items:[*]) emptyDir:(medium:s sizeLimit:q) ephemeral:* fc:* "
                + "flexVolume:* flocker:* gcePersistentDisk:* gitRepo:* glusterfs:* hostPath:(path:s type:s) "
                + "image:(pullPolicy:s reference:s) iscsi:* name:s nfs:(path:s readOnly:b server:s) "
                + "persistentVolumeClaim:(claimName:s readOnly:b) photonPersistentDisk:* portworxVolume:* "
                + "projected:(defaultMode:i sources:[*]) quobyte:* rbd:* scaleIO:* "
                + "secret:(defaultMode:i items:[@file] optional:b secretName:s) storageos:* vsphereVolume:*)")
        add(
            "spread",
            "(labelSelector:@selector matchLabelKeys:[s] maxSkew:i minDomains:i nodeAffinityPolicy:s "
                + "nodeTaintsPolicy:s topologyKey:s whenUnsatisfiable:s)")
        add(
            "near",
            "(preferredDuringSchedulingIgnoredDuringExecution:[*] requiredDuringSchedulingIgnoredDuringExecution:[*])")
        add(
            "affinity",
            "(nodeAffinity:(preferredDuringSchedulingIgnoredDuringExecution:[*] "
                + "requiredDuringSchedulingIgnoredDuringExecution:!(nodeSelectorTerms:[*])) podAffinity:@near "
                + "podAntiAffinity:@near)")
        return known
    }()
}
