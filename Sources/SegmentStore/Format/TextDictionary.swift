/// What answers about conversations are full of, for LZ4 to point back to: names and phrases of English prose, of
/// programming and of JSON, those that summaries begin with last.
///
/// Part of the format: codec 2 means these bytes, and not one of them can change. Better ones would be another codec.
package enum TextDictionary {
    /// Its bytes, which live as long as the process.
    package static var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    private static let text: StaticString = """
         Afghanistan Africa African America American Amsterdam Arabic Argentina Asia Asian Australia Australian \
        Austria Bangladesh Barcelona Beijing Belgium Berlin Boston Brazil Britain British California Cambridge \
        Canada Canadian Chicago China Chinese Christian Colombia Denmark Dutch Egypt England English Europe \
        European Finland Florida France French German Germany Greek Hindi Hong Kong Hungarian India Indian \
        Indonesia Iran Ireland Israel Italian Italy Japan Japanese Korea Korean London Los Angeles Mexico \
        Netherlands New York New Zealand Nigeria Norway Pakistan Paris Persian Philippines Poland Polish Portuguese \
        Russia Russian San Francisco Scotland Singapore South Spain Spanish Sweden Swedish Switzerland Taiwan Texas \
        Thailand Turkey Turkish Ukraine United Kingdom United States University of Vietnam Vietnamese Washington \
        January February March April May June July August September October November December Monday Tuesday \
        Wednesday Thursday Friday Saturday Sunday
         algebra calculus geometry probability statistics equation function derivative integral matrix vector \
        theorem proof triangle angle degrees radius circle square rectangle volume velocity acceleration \
        temperature pressure energy quantum mechanics molecule electron protein chemical reaction species evolution \
        climate environmental sustainable renewable agriculture ingredients recipe minutes tablespoons teaspoon \
        chicken vegetable exercise nutrition treatment symptoms disease patients clinical medication diagnosis \
        therapy mental health anxiety depression healthcare hospital insurance investment financial accounting \
        revenue profit budget economic economy interest rates stock market cryptocurrency blockchain transaction \
        contract agreement legal regulations compliance policy government election political president democracy \
        military conflict international organizations community education students teachers university classroom \
        curriculum academic literature philosophy psychology religion history historical century ancient medieval \
        revolution industrial
         artificial intelligence machine learning deep learning neural networks natural language processing large \
        language models training data set classification regression clustering embeddings transformer attention \
        mechanism parameters hyperparameters gradient descent loss function accuracy precision evaluation metrics \
        prediction inference dataset features labels sampling distribution random standard deviation average \
        maximum minimum threshold frequency correlation visualization dashboard spreadsheet columns rows table \
        query database index primary key foreign key schema migration transaction join select insert into update \
        delete from where group by order by limit
         front-end back-end full-stack mobile application user interface responsive component router middleware \
        controller repository service endpoint request response headers authentication authorization token session \
        cookie password encryption certificate permission administrator configuration environment variables \
        deployment container cluster pipeline continuous integration version control commit branch merge pull \
        request unit tests integration tests debugging logging monitoring exception handling stack trace memory \
        leak thread concurrency asynchronous synchronous callback promise event loop queue cache latency throughput \
        scalability architecture microservices distributed system protocol connection timeout socket stream buffer \
        pointer reference object instance class method inheritance interface abstract generic template library \
        framework package dependency module compiler runtime operating system command line terminal script \
        directory folder file path permission denied not found undefined invalid syntax error: expected unexpected \
        missing failed to load cannot read property of
        #include <stdio.h> #include <iostream> using namespace std; int main() { return 0; } public static void \
        main(String[] args) { System.out.println(" import numpy as np import pandas as pd import matplotlib.pyplot \
        as plt from sklearn. import torch import torch.nn as nn import React, { useState, useEffect } from 'react'; \
        const express = require('express'); export default function async await fetch(' .then(response => \
        response.json()) console.log(' document.getElementById(' addEventListener(' def __init__(self, for i in \
        range(len( if __name__ == "__main__": print(f" return None else: elif except Exception as e: raise \
        ValueError(" with open( as f: SELECT * FROM WHERE id = CREATE TABLE IF NOT EXISTS INSERT INTO VALUES ( <div \
        class=" </div> <script src="https://www. <html> <head> <title> <body> .com/ .org/ localhost:8080 npm \
        install pip install docker run git clone sudo apt-get install
        ```python
        ```javascript
        ```bash
        ```
         however, therefore, moreover, furthermore, additionally, specifically, particularly, especially, \
        unfortunately, fortunately, interestingly, ultimately, eventually, recently, currently, previously, \
        originally, typically, generally, frequently, occasionally, approximately, significantly, effectively, \
        efficiently, successfully, carefully, directly, completely, entirely, exactly, clearly, simply, easily, \
        quickly, slowly, immediately, because although another through between should would could about there their \
        which where when while after before again against always never often usually sometimes together without \
        within during until since under over above below across along around behind beyond among toward several \
        various different important possible available necessary appropriate relevant specific particular \
        additional following previous current common similar individual potential effective efficient successful \
        significant critical essential fundamental complex simple detailed comprehensive professional personal \
        public private local global modern traditional creative technical practical theoretical
         including using creating making providing understanding improving developing implementing designing \
        building writing reading learning teaching working managing planning testing analyzing comparing evaluating \
        considering following ensuring reducing increasing maintaining supporting handling processing generating \
        calculating converting translating explaining describing discussing exploring identifying addressing \
        solving choosing selecting setting up running starting getting taking giving finding looking asking \
        answering helping
         application development management information implementation performance communication conversation \
        documentation organization representation transformation explanation description instructions \
        recommendations optimization requirements characteristics relationship opportunities responsibilities \
        perspective experience knowledge questions examples functionality variables structure security algorithms \
        analysis research science culture society business company customers products services projects program \
        software hardware computers technology websites content images videos stories characters scenes chapters \
        sections paragraphs sentences words phrases messages emails reports documents articles books papers reviews \
        summaries lists numbers values results outputs inputs problems issues solutions methods approaches \
        strategies steps tasks goals reasons effects impacts benefits advantages disadvantages challenges risks \
        costs prices people person world country family friends children women and men
         for example, such as the following: in order to as well as at the same time, on the other hand, in \
        addition to due to the fact that it is important to note that there are a number of one of the most can be \
        used to is used to make sure that you can use the need to be able to in the context of based on the \
        according to the as a result of with respect to in terms of the rest of the end of the beginning of the \
        number of the use of the development of the importance of the process of the difference between the \
        relationship between the role of the history of the concept of the structure of the impact of the quality \
        of the level of the amount of the size of the value of the name of the type of the list of the set of the \
        first step is to the next step is to the main idea is that it would be helpful if you could I would like to \
        know Could you please provide more I'm sorry, but I can't As an AI language model, I do not have Here is an \
        example of how to Here are some of the most Let me know if you have any other questions. I hope this helps! \
        Please note that this is a Sure! Certainly! To do this, you need to follow these steps:

        1. **
        2. **
        3. **
        - **

        The user asked the assistant to help with The user asks how to The user asked for The user wants to know \
        how to The user wants a The user is trying to The user requested a The user requests help with The user \
        provided a The user shared a The user then asked for The user also asked about The user is looking for a \
        The user's request was to create a The user needed help with writing a The user asks for an explanation of \
        the The user reported an error in the The user expressed frustration with The user was not satisfied with \
        the The user corrected the The user seeks advice on
         The assistant provided a detailed explanation of the The assistant explained how to The assistant gave a \
        step-by-step guide to The assistant suggested several ways to The assistant responded with a The assistant \
        offered to The assistant also included code examples that show how to The assistant wrote a The assistant \
        created a The assistant refused to The assistant declined to The assistant apologized and The assistant \
        corrected the The assistant's response was The assistant did not The assistant clarified that The assistant \
        recommended using
         The conversation is about the The conversation covers the The discussion focuses on the topics of The code \
        is written in The answer includes a list of The response includes The final answer is The document \
        describes The article discusses The text explains that The story follows a The report summarizes the key \
        points
        help me write a help me understand how to explain the difference between create a list of write a function \
        that takes generate a summary of translate the following text into fix an error in the code improve the \
        performance of the design a plan for the solve a problem with the compare the advantages and disadvantages \
        of provide a step-by-step explanation answer a question about give feedback on rewrite the following \
        sentence find the best way to recommend a
        programming coding debugging code review technical writing editing translation creative writing data \
        analysis machine learning web development software engineering mathematics physics chemistry biology \
        medicine health finance marketing education roleplay storytelling poetry brainstorming problem solving \
        decision making project management job interview resume cover letter travel cooking gaming music sports \
        entertainment
        null,"false","true","type":"string","name":"","title":"","text":"","description":"","content":"","value":0,\
        "count":0,"id":0,"url":"https://","tags":["","status":"","error":"","chat_id":"","conversation_id":"",\
        "created_at":"2025-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00.000Z",\
        "metadata":{"model":"gpt-4o-mini","claude","messages":[{"role":"user","content":"","role":"assistant",\
        "content":"","role":"system","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0},\
        "finish_reason":"stop","choices":[{"index":0,"message":{"
        {"summary":"The user","request":"The user's overall request for the assistant is to ","topic":"",\
        "languages":["english","python","javascript","typescript","java","html","css","sql","c++","spanish",\
        "french","german","chinese"],"task":"The task is to ","concerning_score":1,"user_frustration":1,\
        "assistant_errors":["","assistant_errors":null,"concerns":"none","slug":"
        """
}
