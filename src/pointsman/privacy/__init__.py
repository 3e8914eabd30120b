"""What may leave the machine: the policy that classes a request, and the one gate to the outside."""
