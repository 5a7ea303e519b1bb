"""What the project does, a module for each verb."""
