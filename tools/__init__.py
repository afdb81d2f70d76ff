"""What builds Karat: compiled artifacts and generated bindings. Not part of the wheel."""
