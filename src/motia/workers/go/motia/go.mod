module motia

go 1.22
