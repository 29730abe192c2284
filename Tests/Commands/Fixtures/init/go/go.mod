module example.com/acme/things

go 1.22
