"""What written molecules are worth: each by itself, and all beside a reference."""
