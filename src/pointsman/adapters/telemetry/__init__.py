"""What the outside may measure of a running gateway."""
