module github.com/cookiegate/consent

go 1.21
