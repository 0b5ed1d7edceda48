import { describeDenialAnswers } from './denial-answers.ts'

describeDenialAnswers(2)
