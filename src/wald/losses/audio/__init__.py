"""Audio: waveforms, by their samples and by their spectra."""
