def config = { name: "Broken" }

raise "broken on purpose"
