db.createUser({ user: "unifi", pwd: passwordPrompt(), roles: ["dbOwner"] });
