module example.com/acme/things
