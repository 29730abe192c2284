/// A project with a `pyproject.toml` or a `requirements.txt`.
struct PythonGuess {
    static func guess(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let file = directory.first(["requirements.txt", "pyproject.toml"]) else { return nil }
        var guess = ProjectGuess()
        let wanted = [directory.text("requirements.txt"), directory.text("pyproject.toml")]
            .compactMap { $0?.lowercased() }.joined(separator: "\n")
        func uses(_ package: String) -> Bool { mentions(package, in: wanted) }
        let isDjango = directory.has("manage.py") || uses("django")
        let module = isDjango ? djangoModule(directory) : application(directory)
        var service = ServiceGuess(name: "web", artifact: ".", source: file)
        service.ignore = ["venv/", ".venv/", "__pycache__/"]
        let install = directory.has("requirements.txt") ? "-r requirements.txt" : "."
        service.prepare = ["sh", "-c", "python3 -m venv venv && ./venv/bin/pip install \(install)"]
        let address = "127.0.0.1:${instance.port}"
        let port = ["--port", "${instance.port}"]
        if uses("gunicorn") {
            let worker = uses("fastapi") || uses("starlette") ? ["-k", "uvicorn.workers.UvicornWorker"] : []
            service.command = ["./venv/bin/gunicorn", module, "--bind", address] + worker
        } else if uses("uvicorn") || uses("fastapi") {
            service.command = ["./venv/bin/uvicorn", module, "--host", "127.0.0.1"] + port
        } else if uses("waitress") {
            service.command = ["./venv/bin/waitress-serve", "--listen", address, module]
        } else if isDjango {
            service.command = ["./venv/bin/python", "manage.py", "runserver", "--noreload", address]
            guess.notes.append("Django's `runserver` is made for development: add gunicorn to \(file) for production.")
        } else if uses("flask") {
            service.command = ["./venv/bin/flask", "--app", String(module.prefix { $0 != ":" }), "run"] + port
            guess.notes.append("`flask run` is made for development: add gunicorn to \(file) for production.")
        } else {
            let main = directory.first(["main.py", "app.py", "server.py", "worker.py"]) ?? "main.py"
            service.command = ["./venv/bin/python", main]
            service.name = "app"
            guess.notes.append("No web framework was found, so it is a worker: give it `port:` if it serves requests.")
            guess.notes.append("`\(main)` is a guess.")
            guess.services = [service]
            return guess
        }
        guess.notes.append("`\(module)` is where the application object was found, or is guessed to be.")
        service.port = 8000
        service.listen = 8080
        guess.services = [service]
        return guess
    }

    /// Whether a line names a package, whatever its version.
    private static func mentions(_ package: String, in text: String) -> Bool {
        text.split(whereSeparator: \.isNewline).contains { line in
            line.split { !($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }.contains { $0 == package }
        }
    }

    /// The `module:object` of a WSGI or ASGI application.
    private static func application(_ directory: ProjectDirectory) -> String {
        let candidates = ["app.py", "main.py", "wsgi.py", "asgi.py", "server.py", "application.py"]
        for name in candidates {
            guard let text = directory.text(name) else { continue }
            for line in text.split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
                guard parts.count == 2, let object = parts.first, !line.hasPrefix(" "), !object.isEmpty else {
                    continue
                }
                let makers = [
                    "Flask(", "FastAPI(", "Starlette(", "get_wsgi_application(", "get_asgi_application(", "create_app(",
                ]
                if makers.contains(where: { parts[1].contains($0) }), object.allSatisfy({ $0.isLetter || $0 == "_" }) {
                    return "\(name.dropLast(3)):\(object)"
                }
            }
        }
        return "\((directory.first(candidates) ?? "app.py").dropLast(3)):app"
    }

    private static func djangoModule(_ directory: ProjectDirectory) -> String {
        let package = directory.names.first { directory.below($0).has("wsgi.py") }
        return (package ?? "project") + ".wsgi:application"
    }
}

extension ServiceGuess {
    /// Programs of the virtual environment are not in PATH.
    mutating func useVirtualEnvironment() {
        guard let program = command.first, prepare.contains(where: { $0.contains("python3 -m venv venv") }) else {
            return
        }
        if !program.contains("/"), !["sh", "bash"].contains(program) { command[0] = "./venv/bin/" + program }
    }
}
