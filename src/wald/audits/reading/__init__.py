"""What a person gives to a case, in what an audit works with."""
