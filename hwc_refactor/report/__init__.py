"""How a run is shown: one module for each form. Nothing here knows how the run came about."""
