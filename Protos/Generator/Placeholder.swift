// Placeholder: replaced by the first real file.
@main enum Main { static func main() {} }
