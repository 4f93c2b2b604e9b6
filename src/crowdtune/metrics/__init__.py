"""Numbers about labels and models: agreement, accuracy, calibration. numpy and scipy only."""
