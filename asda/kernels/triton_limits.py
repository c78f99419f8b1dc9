"""What the Triton kernels of differential attention are made for."""

ONE_TILE = 128  # tokens; there is a faster way for up to so many
WIDEST_HEAD = 64  # channels; no wider heads are taken
