"""Items to rows of cells: formatting, widths, colours."""
