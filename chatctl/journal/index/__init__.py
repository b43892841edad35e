"""Indexes by place and by word, and the queries over them."""
