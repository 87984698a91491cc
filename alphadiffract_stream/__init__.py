"""Live crystal system, space group and lattice from powder diffraction."""
