"""What a loss looks like as its prediction moves: its bends, bounds, growth and limits of arithmetic."""
