"""Time series: whole forecasts, judged by their shape and timing."""
