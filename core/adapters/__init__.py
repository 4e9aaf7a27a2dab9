"""One module a technology; its errors are translated where its library is called."""
