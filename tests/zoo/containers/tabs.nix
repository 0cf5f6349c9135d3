# Tabs, and no blank before what follows
{lib, ...}:{
	virtualisation.oci-containers={
		containers={
			dozzle={
				image="docker.io/amir20/dozzle:v8.8.4";
				volumes=["/run/podman/podman.sock:/var/run/docker.sock:ro"];
				extraOptions=["--network=media-network"]++lib.optionals true ["--memory=128m"];
			};
		};
	};
}
