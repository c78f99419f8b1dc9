from asda.cli import main

main()
