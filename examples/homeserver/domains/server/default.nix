{
  imports = [
    ./business/api.nix
    ./containers
    ./couchdb/index.nix
    ./orchestration/media-orchestrator.nix
  ];
}
